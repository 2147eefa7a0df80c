// Gradients of several heads where neighbours are summed first: of the features, and of what edges
// multiply them by. A source's row is read once for all heads, and what an edge adds to its
// gradient exists for all of them together, of a few columns at a time.
#pragma once

#include "sum_first.h"

namespace ariigcn::ARIIGCN_ISA {

// Columns at a time: as many as take no more memory than a gradient of one head's sums.
template <typename T>
int64_t columns_at_once(const RelationalAttention<T>& op, const Block& block) {
  const int64_t edges = std::max<int64_t>(1, block.edges());
  const int64_t most = round_to_lanes<T>(ceil_div(block.segments() * op.in_feats, edges));
  return std::min(op.in_feats, std::max<int64_t>(kLanes<T>, most));
}

// Columns k0 .. k0 + width.
template <typename T>
struct HeadColumns {
  const BackwardPass<T>& pass;
  int64_t k0, width;

  // What edge e adds to the gradient of its source.
  T* of_edge(int64_t e) const { return pass.grad_sums + (e - pass.block.edge) * width; }
  // What the one at position k in order of sources does; a later one is asked for.
  const T* of_leaving(int64_t k) const {
    constexpr int64_t ahead = 16, line = 64 / sizeof(T);
    const auto& graph = pass.graph();
    if (k + ahead < graph.num_edges)
      for (int64_t n = 0; n < width; n += line)
        __builtin_prefetch(of_edge(graph.t_eids[k + ahead]) + n);
    return of_edge(graph.t_eids[k]);
  }
  int64_t segments_at_once() const { return rows_in_cache(pass.heads * width); }

  // The gradients by the sums of the segments of relation r at so many positions: (count, heads,
  // width) = (gradient of the target's row) W_r^T.
  void sums_grad(int64_t r, int64_t at, int64_t count, T* to, T* panel) const {
    const int64_t depth = pass.op.out_feats;
    for (int64_t h = 0; h < pass.heads; ++h) {
      const T *weight = HeadPass<T>{pass, h}.rel_weight(r), *by_out = pass.head_grad(h);
      for (int64_t n0 = 0; n0 < width; n0 += kPanel<T>)
        multiply_rows<T>(
            {weight, depth, depth, k0 + width, true}, k0 + n0, count,
            [&](int64_t m) { return by_out + (pass.target(at + m) - pass.block.dst) * depth; },
            [&](int64_t m) { return to + (m * pass.heads + h) * width - k0; }, false, panel);
    }
  }
  // From that of their segment's sums, what edges add to the gradients by what they multiply their
  // sources by, and to the gradients of the sources.
  void visit(int64_t first, int64_t last, const T* grad_sums) const {
    with_power<kLanes<T>>(pass.heads, [&](auto heads) {
      for (int64_t e = first; e < last; ++e) visit_edge<heads.value>(e, grad_sums);
    });
  }

 private:
  template <int heads>
  void visit_edge(int64_t e, const T* grad_sums) const {
    const T *feat = pass.src_feat(pass.graph().indices[e]) + k0,
            *factor = pass.factors() + e * heads;
    T *ds = pass.by_edge() + e * heads, *to = of_edge(e);
    vec<T> dot[heads] = {};
    // inlined in any case, so that the sums stay in registers
    const auto add = [&](int64_t k, auto at) __attribute__((always_inline)) {
      const vec<T> x = at(feat + k);
      vec<T> total{};
#pragma GCC unroll 16
      for (int h = 0; h < heads; ++h) {
        const vec<T> row = at(grad_sums + h * width + k);
        dot[h] += x * row;
        total += factor[h] * row;
      }
      at(to + k, total);
    };
    int64_t k = 0;
    for (; k + kLanes<T> <= width; k += kLanes<T>) add(k, Whole{});
    if (k < width) add(k, Part{width - k});
#pragma GCC unroll 16
    for (int h = 0; h < heads; ++h) ds[h] = (k0 > 0 ? ds[h] : T(0)) + sum<T>(dot[h]);
  }
};

// Of the segments of relation r at positions [at, last).
template <typename T>
void visit_segments(const HeadColumns<T>& columns, int64_t r, int64_t at, int64_t last, T* sums,
                    T* panel) {
  const auto& pass = columns.pass;
  const GraphPlan& graph = pass.graph();
  const int64_t most = columns.segments_at_once();
  constexpr int64_t ahead = 2;
  for (; at < last; at += most) {
    const int64_t count = std::min(most, last - at);
    columns.sums_grad(r, at, count, sums, panel);
    for (int64_t m = 0; m < count; ++m) {
      const auto segment = [&](int64_t p) { return pass.block.seg + pass.block.order[p]; };
      if (m + ahead < count)
        pass.prefetch_sources(segment(at + m + ahead), columns.k0, columns.width);
      const int64_t s = segment(at + m);
      columns.visit(graph.seg_ptr[s], graph.seg_ptr[s + 1], sums + m * pass.heads * columns.width);
    }
  }
}

template <typename T>
void visit_all(const HeadColumns<T>& columns, const EdgeTasks& targets) {
  const auto& pass = columns.pass;
  const GraphPlan& graph = pass.graph();
  const Block& block = pass.block;
  const int64_t size = pass.heads * columns.width, depth = pass.op.out_feats;
  targets.hubs.run([&] {
    return [&, sums = Buffer<T>(size), panel = Buffer<T>(panel_size<T>(depth))](
               int64_t, const HubPart& part) {
      columns.sums_grad(graph.seg_rel[part.segment], pass.at(part.segment), 1, sums, panel);
      columns.visit(part.first, part.last, sums);
    };
  });
  const RowTasks tasks(graph.indptr, block.dst, block.dst_end,
                       product_range(graph, block.targets(), block.segments(), size), kEdgesPerTask,
                       kHubEdges);
  tasks.run([&] {
    return [&, sums = Buffer<T>(columns.segments_at_once() * size),
            panel = Buffer<T>(panel_size<T>(depth))](int64_t, int64_t first, int64_t last) {
      for (int64_t r = 0; r < graph.num_rels; ++r)
        visit_segments<T>(columns, r, first_position(graph, block, r, first),
                          first_position(graph, block, r, last), sums, panel);
    };
  });
}

template <typename T>
void several_heads_grad(const BackwardPass<T>& pass, const EdgeTasks& targets,
                        const EdgeTasks& sources) {
  const int64_t all = pass.op.in_feats, most = columns_at_once(pass.op, pass.block);
  for (int64_t k0 = 0; k0 < all; k0 += most) {
    const HeadColumns<T> columns{pass, k0, std::min(most, all - k0)};
    visit_all<T>(columns, targets);
    take_at_sources<T>(pass, sources, k0, columns.width, [&] {
      return [&](int64_t first, int64_t last, T* to) {
        sum_rows<T>(
            first, last, [&](int64_t k) { return columns.of_leaving(k); }, columns.width,
            PlainTerm<T>{}, to);
      };
    });
  }
}

template <typename T>
void sum_first_grad(const BackwardPass<T>& pass, const EdgeTasks& targets,
                    const EdgeTasks& sources) {
  pass.heads == 1 ? one_head_grad<T>(pass, targets, sources)
                  : several_heads_grad<T>(pass, targets, sources);
}
// Elements of `grad_sums` that it needs.
template <typename T>
int64_t sum_first_grad_size(const RelationalAttention<T>& op, const Block& block) {
  const int64_t of_several = op.heads == 1 ? 0 : block.edges() * columns_at_once(op, block);
  return std::max(block.segments() * op.in_feats, of_several);
}

}  // namespace ariigcn::ARIIGCN_ISA
