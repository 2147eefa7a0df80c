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

// out_i += (sum of i's segment) W_r for the segments of relation r at positions [at, last). The
// sums exist for a few rows at a time, near the core that uses them.
template <typename T>
void transform_relation(const HeadPass<T>& head, int64_t r, int64_t at, int64_t last, T* out,
                        T* sums, T* panel) {
  const auto& pass = head.pass;
  const auto& op = pass.op;
  const int64_t most = rows_in_cache(op.in_feats);
  for (; at < last; at += most) {
    const int64_t count = std::min(most, last - at);
    for (int64_t m = 0; m < count; ++m)
      head.sum_segment(at + m, 0, op.in_feats, sums + m * op.in_feats);
    for (int64_t n = 0; n < op.out_feats; n += kPanel<T>)
      multiply_rows<T>(
          {head.rel_weight(r), op.out_feats, op.in_feats, op.out_feats, false}, n, count,
          [&](int64_t m) { return sums + m * op.in_feats; },
          [&](int64_t m) { return out + pass.target(at + m) * op.out_feats; }, true, panel);
  }
}

// out_i = the sum of all relations' parts; a task owns some targets.
template <typename T>
void sum_first(const HeadPass<T>& head) {
  const auto& pass = head.pass;
  const auto& op = pass.op;
  const Block& block = pass.block;
  const int64_t range = product_range(op.graph, block.targets(), block.segments(), op.in_feats);
  const int64_t width = op.out_feats, start = head.g * op.graph.num_dst * width;
  T *out = op.out + start, *before = op.pre == nullptr ? out : op.pre + start;
  // Every task packs the weights anew: hubs make but a few more of them for each thread.
  const int64_t share = block.edges() / (4 * torch::stable::get_num_threads());
  const RowTasks tasks(op.graph.indptr, block.dst, block.dst_end, range,
                       std::max(kEdgesPerTask, share));
  tasks.run([&] {
    return [&, sums = Buffer<T>(rows_in_cache(op.in_feats) * op.in_feats),
            panel = Buffer<T>(panel_size<T>(op.in_feats))](int64_t, int64_t first, int64_t last) {
      const int64_t count = (last - first) * width;
      std::fill_n(before + first * width, count, T(0));
      for (int64_t r = 0; r < op.graph.num_rels; ++r)
        transform_relation<T>(head, r, first_position(op.graph, block, r, first),
                              first_position(op.graph, block, r, last), before, sums, panel);
      if (op.gelu) gelu(before + first * width, out + first * width, count);
    };
  });
}
template <typename T>
void sum_first(const AttentionPass<T>& pass) {
  if (pass.op.out_feats == 0) return;
  sum_hubs(pass);
  for (int64_t h = 0; h < pass.heads; ++h) sum_first(HeadPass<T>{pass, h});
}

// grad_sums = (gradient of the target's row) W_r^T; a task owns the segments of some targets.
template <typename T>
void sums_grad(const BackwardPass<T>& pass, int64_t h) {
  const auto& op = pass.op;
  const auto& graph = pass.graph();
  const Block& block = pass.block;
  const HeadPass<T> head{pass, h};
  const T* by_out = pass.grad_pre + h * pass.head_stride;
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
            [&](int64_t m) { return by_out + (pass.target(begin + m) - block.dst) * depth; },
            [&](int64_t m) { return pass.grad_sums + (begin + m) * width; }, false, panel);
      }
    };
  });
}

// Gradients by what edges of segment s multiply their sources by.
template <typename T>
inline void factor_grads(const HeadPass<T>& head, const T* grad_sums, int64_t s, int64_t first,
                         int64_t last, T* ds) {
  const auto& pass = head.pass;
  const auto& graph = pass.graph();
  reduce_rows<T>(
      head.of, first, last, [&](int64_t e) { return pass.src_feat(graph.indices[e]); },
      pass.op.in_feats, DotTerm<T>{grad_sums + pass.at(s) * pass.op.in_feats, {}},
      [&](int64_t e, T dot) { head.of.put(ds, e, dot); });
}

// What edges first .. last in order of sources, all of one, add to the gradient of its features;
// `factor` is scratch, of those edges.
template <typename T>
inline void summed_grad(const HeadPass<T>& head, const T* grad_sums, int64_t first, int64_t last,
                        T* factor, T* to) {
  const auto& pass = head.pass;
  const auto& graph = pass.graph();
  const int64_t width = pass.op.in_feats;
  for (int64_t k = first; k < last; ++k)
    factor[k - first] = head.of.get(pass.factors(), graph.t_eids[k]);
  sum_rows<T>(
      0, last - first,
      [&](int64_t k) {
        return grad_sums + pass.at(graph.edge_seg[graph.t_eids[first + k]]) * width;
      },
      width, WeightedTerm<T>{factor}, to);
}

// Of the features, and of what edges multiply them by.
template <typename T>
void sum_first_grad(const BackwardPass<T>& pass, const EdgeTasks& targets,
                    const EdgeTasks& sources) {
  const auto& op = pass.op;
  const GraphPlan& graph = op.graph;
  const int64_t width = op.in_feats, degree = most_leaving(graph, pass.block);
  const Buffer<T> rows(sources.hubs.count() * width);
  for (int64_t h = 0; h < pass.heads; ++h) {
    const HeadPass<T> head{pass, h};
    const bool first_head = head.g % op.heads == 0;
    sums_grad<T>(pass, h);
    targets.hubs.run([&] {
      return [&](int64_t, const HubPart& part) {
        factor_grads<T>(head, pass.grad_sums, part.segment, part.first, part.last, pass.by_edge());
      };
    });
    targets.run([&] {
      return [&](int64_t, int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i) {
          const auto [begin, end] = pass.segments(i);
          for (int64_t s = begin; s < end; ++s)
            factor_grads<T>(head, pass.grad_sums, s, graph.seg_ptr[s], graph.seg_ptr[s + 1],
                            pass.by_edge());
        }
      };
    });
    const auto take = [&](int64_t j, const T* row) {
      T* feat = pass.grad_src(j);
      for (int64_t k = 0; k < width; ++k) feat[k] = first_head ? row[k] : feat[k] + row[k];
    };
    sources.hubs.run([&] {
      return [&, factor = Buffer<T>(kEdgesPerTask)](int64_t p, const HubPart& part) {
        summed_grad<T>(head, pass.grad_sums, part.first, part.last, factor, rows + p * width);
      };
    });
    sources.hubs.add_up<T>(&HubPart::row, rows, width,
                           [&](const HubPart& part, int64_t, T* row) { take(part.row, row); });
    sources.run([&] {
      return [&, factor = Buffer<T>(degree), row = Buffer<T>(width)](int64_t, int64_t first,
                                                                     int64_t last) {
        for (int64_t j = first; j < last; ++j) {
          T* to = first_head ? pass.grad_src(j) : row + 0;
          summed_grad<T>(head, pass.grad_sums, graph.t_indptr[j], graph.t_indptr[j + 1], factor,
                         to);
          if (!first_head) take(j, row);
        }
      };
    });
  }
}

// Rows m0 .. of the gradient of head h's W_r: the sum of (sum of a segment) (x) (gradient of its
// target). The segments are summed again, a few at a time.
template <typename T>
void sum_first_weight_grad(const BackwardPass<T>& pass, int64_t h, int64_t r, int64_t m0,
                           int64_t rows, T* sums, T* panel) {
  const auto& op = pass.op;
  const HeadPass<T> head{pass, h};
  const T* by_out = pass.grad_pre + h * pass.head_stride;
  const int64_t end = pass.block.rel[r + 1];
  T* to =
      pass.grad.rel_weight + ((head.g * op.graph.num_rels + r) * op.in_feats + m0) * op.out_feats;
  int64_t at = pass.block.rel[r];
  bool add = !pass.first_block;
  do {
    const int64_t count = std::min(kOuterDepth, end - at);
    for (int64_t k = 0; k < count; ++k) head.sum_segment(at + k, m0, rows, sums + k * rows);
    multiply_outer<T>(
        count, [&](int64_t k) { return sums + k * rows; },
        [&](int64_t k) { return by_out + (pass.target(at + k) - pass.block.dst) * op.out_feats; },
        rows, op.out_feats, to, op.out_feats, add, panel);
    add = true;
  } while ((at += kOuterDepth) < end);
}

}  // namespace ariigcn::ARIIGCN_ISA
