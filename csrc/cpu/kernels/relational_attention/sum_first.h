// Messages, summed first: of each head the neighbours of a (target, relation), weighted, and then
// each sum is multiplied by the matrix of its relation. Nothing is kept of any edge or source.
#pragma once

#include "backward_pass.h"
#include "gelu.h"

namespace ariigcn::ARIIGCN_ISA {

// Elements that the sums of a block's hubs need, of so many heads.
template <typename T>
int64_t hub_sums_size(const RelationalAttention<T>& op, const Block& block, int64_t heads) {
  return op.transforms_first ? 0 : heads * block.hubs->count() * op.in_feats;
}

// Head h of those that a pass works on.
template <typename T>
struct HeadPass {
  const AttentionPass<T>& pass;
  int64_t h;
  const int64_t g = pass.g + h;
  const HeadOf<T> of{{}, pass.heads, h};

  const T* rel_weight(int64_t r) const {
    const auto& op = pass.op;
    return op.rel_weight + (g * op.graph.num_rels + r) * op.in_feats * op.out_feats;
  }
  // The rows of the parts of hubs; that of a segment's first part is the segment's sum.
  T* hub_sums() const { return pass.hub_sums + h * pass.block.hubs->count() * pass.op.in_feats; }
  // The sum of the weighted sources of some edges, columns k0 .. k0 + width.
  void sum_edges(int64_t first, int64_t last, int64_t k0, int64_t width, T* to) const {
    const int64_t stride = pass.op.in_feats;
    const T* base = pass.src_base + k0;
    const IndexArray source = pass.graph().indices;
    sum_rows<T>(
        first, last, [=](int64_t e) { return base + source[e] * stride; }, width,
        WeightedTerm<T, HeadOf<T>>{pass.factors(), of}, to);
  }
  // That of the edges of the segment at `position`.
  void sum_segment(int64_t position, int64_t k0, int64_t width, T* to) const {
    const GraphPlan& graph = pass.graph();
    const HubParts& hubs = *pass.block.hubs;
    const int64_t s = pass.block.seg + pass.block.order[position], first = graph.seg_ptr[s];
    if (hubs.count() > 0 && is_hub(graph.indptr, graph.seg_dst[s]))
      std::copy_n(hub_sums() + hubs.from(first) * pass.op.in_feats + k0, width, to);
    else
      sum_edges(first, graph.seg_ptr[s + 1], k0, width, to);
  }
};

// Every head's sums of the segments at `count` positions, columns k0 .. k0 + width; rows of the
// next head are `apart` elements away. Every source is read for all heads at once.
template <typename T>
void sum_segments(const AttentionPass<T>& pass, int64_t at, int64_t count, int64_t k0,
                  int64_t width, T* sums, int64_t apart) {
  constexpr int64_t ahead = 2;
  const Block& block = pass.block;
  for (int64_t m = 0; m < count; ++m) {
    if (pass.heads > 1 && m + ahead < count)
      pass.prefetch_sources(block.seg + block.order[at + m + ahead], k0, width);
    for (int64_t h = 0; h < pass.heads; ++h)
      HeadPass<T>{pass, h}.sum_segment(at + m, k0, width, sums + h * apart + m * width);
  }
}

// The sums of the segments of hubs, of all heads.
template <typename T>
void sum_hubs(const AttentionPass<T>& pass) {
  const HubParts& hubs = *pass.block.hubs;
  const int64_t width = pass.op.in_feats;
  hubs.run([&] {
    return [&](int64_t p, const HubPart& part) {
      for (int64_t h = 0; h < pass.heads; ++h) {
        const HeadPass<T> head{pass, h};
        head.sum_edges(part.first, part.last, 0, width, head.hub_sums() + p * width);
      }
    };
  });
  for (int64_t h = 0; h < pass.heads; ++h)
    hubs.add_up(&HubPart::segment, HeadPass<T>{pass, h}.hub_sums(), width,
                [](const HubPart&, int64_t, T*) {});
}

// out_i += (sum of i's segment) W_r for the segments of relation r at positions [at, last), of
// every head; rows of the next head's `out` are `apart` elements away. The sums exist for a few
// rows at a time, near the core that uses them, and all heads' are formed while the sources are
// there.
template <typename T>
void transform_relation(const AttentionPass<T>& pass, int64_t r, int64_t at, int64_t last, T* out,
                        int64_t apart, T* sums, T* panel) {
  const auto& op = pass.op;
  const int64_t most = rows_in_cache(pass.heads * op.in_feats), size = most * op.in_feats;
  for (; at < last; at += most) {
    const int64_t count = std::min(most, last - at);
    sum_segments(pass, at, count, 0, op.in_feats, sums, size);
    for (int64_t h = 0; h < pass.heads; ++h)
      for (int64_t n = 0; n < op.out_feats; n += kPanel<T>)
        multiply_rows<T>(
            {HeadPass<T>{pass, h}.rel_weight(r), op.out_feats, op.in_feats, op.out_feats, false}, n,
            count, [&](int64_t m) { return sums + h * size + m * op.in_feats; },
            [&](int64_t m) { return out + h * apart + pass.target(at + m) * op.out_feats; }, true,
            panel);
  }
}

// out_i = the sum of all relations' parts; a task owns some targets.
template <typename T>
void sum_first(const AttentionPass<T>& pass) {
  const auto& op = pass.op;
  const Block& block = pass.block;
  if (op.out_feats == 0) return;
  sum_hubs(pass);
  const int64_t range = product_range(op.graph, block.targets(), block.segments(), op.in_feats);
  const int64_t width = op.out_feats, apart = op.graph.num_dst * width, start = pass.g * apart;
  T *out = op.out + start, *before = op.pre == nullptr ? out : op.pre + start;
  // Every task packs the weights anew: hubs make but a few more of them for each thread.
  const int64_t share = block.edges() / (4 * torch::stable::get_num_threads());
  const RowTasks tasks(op.graph.indptr, block.dst, block.dst_end, range,
                       std::max(kEdgesPerTask, share));
  const int64_t rows = pass.heads * rows_in_cache(pass.heads * op.in_feats);
  tasks.run([&] {
    return [&, sums = Buffer<T>(rows * op.in_feats), panel = Buffer<T>(panel_size<T>(op.in_feats))](
               int64_t, int64_t first, int64_t last) {
      const int64_t count = (last - first) * width;
      for (int64_t h = 0; h < pass.heads; ++h)
        std::fill_n(before + h * apart + first * width, count, T(0));
      for (int64_t r = 0; r < op.graph.num_rels; ++r)
        transform_relation<T>(pass, r, first_position(op.graph, block, r, first),
                              first_position(op.graph, block, r, last), before, apart, sums, panel);
      for (int64_t h = 0; h < pass.heads && op.gelu; ++h)
        gelu(before + h * apart + first * width, out + h * apart + first * width, count);
    };
  });
}

// grad_sums = (gradient of the target's row) W_r^T; a task owns the segments of some targets.
template <typename T>
void sums_grad(const BackwardPass<T>& pass) {
  const auto& op = pass.op;
  const auto& graph = pass.graph();
  const Block& block = pass.block;
  const HeadPass<T> head{pass, 0};
  const int64_t width = op.in_feats, depth = op.out_feats,
                range = product_range(graph, block.targets(), block.segments(), depth);
  run_tasks(product_tasks<T>(block.targets(), range, width), [&] {
    return [&, panel = Buffer<T>(panel_size<T>(depth))](int64_t t) {
      const ProductTask<T> task(t, block.targets(), range, width);
      for (int64_t r = 0; r < graph.num_rels; ++r) {
        const int64_t begin = first_position(graph, block, r, block.dst + task.first);
        const int64_t end = first_position(graph, block, r, block.dst + task.last);
        multiply_rows<T>(
            {head.rel_weight(r), depth, depth, width, true}, task.n0, end - begin,
            [&](int64_t m) { return pass.grad_pre + (pass.target(begin + m) - block.dst) * depth; },
            [&](int64_t m) { return pass.grad_sums + (begin + m) * width; }, false, panel);
      }
    };
  });
}

// Gradients by what edges of segment s multiply their sources by.
template <typename T>
inline void factor_grads(const BackwardPass<T>& pass, int64_t s, int64_t first, int64_t last) {
  const auto& graph = pass.graph();
  T* ds = pass.by_edge();
  reduce_rows<T>(
      OneHead<T>{}, first, last, [&](int64_t e) { return pass.src_feat(graph.indices[e]); },
      pass.op.in_feats, DotTerm<T>{pass.grad_sums + pass.at(s) * pass.op.in_feats, {}},
      [=](int64_t e, T dot) { ds[e] = dot; });
}

// What edges first .. last in order of sources, all of one, add to the gradient of its features;
// `factor` is scratch, of those edges.
template <typename T>
inline void summed_grad(const BackwardPass<T>& pass, int64_t first, int64_t last, T* factor,
                        T* to) {
  const auto& graph = pass.graph();
  const int64_t width = pass.op.in_feats;
  for (int64_t k = first; k < last; ++k) factor[k - first] = pass.factors()[graph.t_eids[k]];
  sum_rows<T>(
      0, last - first,
      [&](int64_t k) {
        return pass.grad_sums + pass.at(graph.edge_seg[graph.t_eids[first + k]]) * width;
      },
      width, WeightedTerm<T>{factor}, to);
}

// Of the features, and of what edges multiply them by, with one head; several: heads_grad.h.
template <typename T>
void one_head_grad(const BackwardPass<T>& pass, const EdgeTasks& targets,
                   const EdgeTasks& sources) {
  const GraphPlan& graph = pass.graph();
  const int64_t degree = most_leaving(graph, pass.block);
  sums_grad<T>(pass);
  targets.hubs.run([&] {
    return [&](int64_t, const HubPart& part) {
      factor_grads<T>(pass, part.segment, part.first, part.last);
    };
  });
  targets.run([&] {
    return [&](int64_t, int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        const auto [begin, end] = pass.segments(i);
        for (int64_t s = begin; s < end; ++s)
          factor_grads<T>(pass, s, graph.seg_ptr[s], graph.seg_ptr[s + 1]);
      }
    };
  });
  take_at_sources<T>(pass, sources, 0, pass.op.in_feats, [&, degree] {
    return [&, factor = Buffer<T>(degree)](int64_t first, int64_t last, T* to) {
      summed_grad<T>(pass, first, last, factor, to);
    };
  });
}

// Rows m0 .. of the gradient of every head's W_r: the sum of (sum of a segment) (x) (gradient of
// its target). The segments are summed again, a few at a time, for which `sums` has room.
template <typename T>
void sum_first_weight_grad(const BackwardPass<T>& pass, int64_t r, int64_t m0, int64_t rows,
                           T* sums, T* panel) {
  const auto& op = pass.op;
  const int64_t end = pass.block.rel[r + 1];
  int64_t at = pass.block.rel[r];
  bool add = !pass.first_block;
  do {
    const int64_t count = std::min(kOuterDepth, end - at);
    sum_segments(pass, at, count, m0, rows, sums, kOuterDepth * rows);
    for (int64_t h = 0; h < pass.heads; ++h) {
      const T* by_out = pass.head_grad(h);
      T* to = pass.grad.rel_weight +
              (((pass.g + h) * op.graph.num_rels + r) * op.in_feats + m0) * op.out_feats;
      multiply_outer<T>(
          count, [&](int64_t k) { return sums + (h * kOuterDepth + k) * rows; },
          [&](int64_t k) { return by_out + (pass.target(at + k) - pass.block.dst) * op.out_feats; },
          rows, op.out_feats, to, op.out_feats, add, panel);
    }
    add = true;
  } while ((at += kOuterDepth) < end);
}

}  // namespace ariigcn::ARIIGCN_ISA
