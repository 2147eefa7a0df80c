// Relational edge attention, backward: the sums are formed again, the edge loops run once over
// targets and once over sources, and every weight's gradient is one product over its own rows.
#pragma once

#include "edges.h"

namespace ariigcn::ARIIGCN_ISA {

// Rows of a weight's gradient that one task computes: fewer where threads would wait. What an
// element becomes does not depend on it.
inline int64_t outer_rows(const GraphPlan& graph) {
  return graph.num_rels + 2 >= 4 * torch::stable::get_num_threads() ? 256 : 96;
}

template <typename T>
void gelu_grad(const T* grad, const T* before, T* to, int64_t count) {
  const Gelu<T> act;
  run_ranges(count, 1 << 14, [&](int64_t first, int64_t last) {
    for_vectors<T>(last - first, [&](int64_t k, auto at) {
      const vec<T> one = splat<T>(1);
      const vec<T> by_before = act.add_step(vec<T>{}, at(before + first + k), one);
      at(to + first + k, vec<T>(at(grad + first + k) * by_before));
    });
  });
}

// grad_sums = (gradient of the target's row) W_r^T; a task owns the segments of some targets.
template <typename T>
void sums_grad(const BackwardPass<T>& pass) {
  const auto& op = pass.op;
  if (op.out_feats == 0) return;
  const auto& graph = pass.graph();
  const Block& block = pass.block;
  const int64_t width = op.in_feats, depth = op.out_feats,
                range = product_range(graph, block, depth);
  run_tasks(product_tasks<T>(block.targets(), range, width), [&] {
    return [&, panel = Buffer<T>(panel_size<T>(depth))](int64_t t) {
      const ProductTask<T> task(t, block.targets(), range, width);
      for (int64_t r = 0; r < graph.num_rels; ++r) {
        const int64_t begin = first_position(graph, block, r, block.dst + task.first);
        const int64_t end = first_position(graph, block, r, block.dst + task.last);
        multiply_rows<T>(
            {pass.rel_weight(r), depth, depth, width, true}, task.n0, end - begin,
            [&](int64_t m) { return pass.grad_pre + (pass.target(begin + m) - block.dst) * depth; },
            [&](int64_t m) { return pass.grad_sums + (begin + m) * width; }, false, panel);
      }
    };
  });
}

// The gradient of rows' features through a projection: rows (+)= grad W^T.
template <typename T>
struct FeatureGrad {
  const T *grad, *weight;
  T* feat;
  int64_t rows;
  bool add;

  int64_t tasks(int64_t width) const { return product_tasks<T>(rows, kRowsPerProduct, width); }
  void run(int64_t t, const RelationalAttention<T>& op, T* panel) const {
    const ProductTask<T> task(t, rows, kRowsPerProduct, op.in_feats);
    multiply_rows<T>(
        {weight, op.attn_feats, op.attn_feats, op.in_feats, true}, task.n0, task.last - task.first,
        [&](int64_t m) { return grad + (task.first + m) * op.attn_pitch; },
        [&](int64_t m) { return feat + (task.first + m) * op.in_feats; }, add, panel);
  }
};

// Rows m0 .. of the gradient of a projection: the sum of h_k (x) (gradient of its row).
template <typename T>
void projection_grad(const BackwardPass<T>& pass, bool dst, int64_t m0, int64_t rows, T* panel) {
  const auto& op = pass.op;
  const Block& block = pass.block;
  const T* feat = (dst ? pass.dst_feat(block.dst) : pass.src_feat(block.src)) + m0;
  const T* grad = dst ? pass.grad_u : pass.grad_v;
  T* to = (dst ? pass.grad.weight_dst : pass.grad.weight_src) +
          (pass.g * op.in_feats + m0) * op.attn_feats;
  multiply_outer<T>(
      dst ? block.targets() : block.sources(), [&](int64_t k) { return feat + k * op.in_feats; },
      [&](int64_t k) { return grad + k * op.attn_pitch; }, rows, op.attn_feats, to, op.attn_feats,
      !pass.first_block, panel);
}

// Rows m0 .. of the gradient of W_r: the sum of (sum of a segment) (x) (gradient of its target).
// The segments are summed again, a few at a time.
template <typename T>
void relation_grad(const BackwardPass<T>& pass, int64_t r, int64_t m0, int64_t rows, T* sums,
                   T* panel) {
  const auto& op = pass.op;
  const int64_t end = pass.block.rel[r + 1];
  T* to =
      pass.grad.rel_weight + ((pass.g * op.graph.num_rels + r) * op.in_feats + m0) * op.out_feats;
  if (op.out_feats == 0) return;
  int64_t at = pass.block.rel[r];
  bool add = !pass.first_block;
  do {
    const int64_t count = std::min(kOuterDepth, end - at);
    for (int64_t k = 0; k < count; ++k) pass.sum_segment(at + k, m0, rows, sums + k * rows);
    multiply_outer<T>(
        count, [&](int64_t k) { return sums + k * rows; },
        [&](int64_t k) {
          return pass.grad_pre + (pass.target(at + k) - pass.block.dst) * op.out_feats;
        },
        rows, op.out_feats, to, op.out_feats, add, panel);
    add = true;
  } while ((at += kOuterDepth) < end);
}

template <typename T>
void bias_grad(const BackwardPass<T>& pass, int64_t r) {
  const int64_t width = pass.op.attn_feats;
  T* to = pass.grad.bias + (pass.g * pass.graph().num_rels + r) * width;
  if (pass.first_block) std::fill_n(to, width, T(0));
  for (int64_t p = pass.block.rel[r]; p < pass.block.rel[r + 1]; ++p)
    for (int64_t k = 0; k < width; ++k) to[k] += pass.grad_biased[p * pass.op.attn_pitch + k];
}

// Everything that is a matrix product of what the edge loops left behind, as one list of tasks.
template <typename T>
void product_grads(const BackwardPass<T>& pass) {
  const auto& op = pass.op;
  const Block& block = pass.block;
  const int64_t rels = pass.graph().num_rels, weight = pass.g * op.in_feats * op.attn_feats;
  const bool shared = pass.grad.dst_feat == pass.grad.src_feat;
  const FeatureGrad<T> src{pass.grad_v, op.weight_src + weight,
                           pass.grad.src_feat + (pass.src_feat(block.src) - op.src_feat),
                           block.sources(), true};
  const FeatureGrad<T> dst{pass.grad_u, op.weight_dst + weight,
                           pass.grad.dst_feat + (pass.dst_feat(block.dst) - op.dst_feat),
                           block.targets(), shared || !pass.first_head()};
  const int64_t of_src = src.tasks(op.in_feats), of_dst = shared ? 0 : dst.tasks(op.in_feats);
  const int64_t most = outer_rows(op.graph), per_weight = ceil_div(op.in_feats, most);
  const int64_t of_weights = (rels + 2) * per_weight, of_bias = op.bias == nullptr ? 0 : rels;

  run_tasks(of_weights + of_src + of_dst + of_bias, [&] {
    return [&, sums = Buffer<T>(kOuterDepth * most),
            panel = Buffer<T>(kDepth * kPanel<T>)](int64_t t) {
      const int64_t which = t / per_weight, m0 = t % per_weight * most;
      const int64_t rows = std::min(most, op.in_feats - m0);
      if (t < of_weights)
        return which < 2 ? projection_grad<T>(pass, which == 0, m0, rows, panel)
                         : relation_grad<T>(pass, which - 2, m0, rows, sums, panel);
      if ((t -= of_weights) < of_src) {
        src.run(t, op, panel);
        return shared ? dst.run(t, op, panel) : void();
      }
      if ((t -= of_src) < of_dst) return dst.run(t, op, panel);
      bias_grad<T>(pass, t - of_dst);
    };
  });
}

// From the partial rows of so many tasks.
template <typename T>
void score_grad(const BackwardPass<T>& pass, int64_t tasks) {
  T* to = pass.grad.score + pass.g * pass.op.attn_feats;
  if (pass.first_block) std::fill_n(to, pass.op.attn_feats, T(0));
  for (int64_t t = 0; t < tasks; ++t)
    for (int64_t k = 0; k < pass.op.attn_feats; ++k)
      to[k] += pass.grad_w[t * pass.op.attn_pitch + k];
}

template <typename T>
void relational_attention_backward(const RelationalAttentionGrad<T>& grad) {
  const RelationalAttention<T>& op = grad.forward;
  for_blocks(op.graph, [&](const Block& block) {
    const int64_t pitch = op.attn_pitch, rows = block.targets() + block.sources();
    const int64_t biased = op.bias == nullptr ? 0 : block.segments() * pitch;
    const RowTasks targets = target_tasks(op.graph, block), sources = source_tasks(op.graph, block);
    const int64_t partials = targets.count() + sources.count();
    Buffer<T> grad_sums(block.segments() * op.in_feats);
    Buffer<T> factor(block.edges()), ds(block.edges()), by_row(rows * pitch);
    Buffer<T> biased_u(biased), grad_biased(biased), grad_w(partials * pitch);
    Buffer<T> grad_pre(op.gelu ? block.targets() * op.out_feats : 0);
    for (int64_t g = 0; g < op.groups; ++g) {
      const int64_t dst = g * op.graph.num_dst + block.dst, src = g * op.graph.num_src + block.src;
      const T* by_out = grad.grad_out + dst * op.out_feats;
      const ScoreVector<T> w(op, g);
      const BackwardPass<T> pass{{op, block, g, op.u + dst * pitch, op.v + src * pitch, factor},
                                 grad,
                                 op.gelu ? grad_pre : by_out,
                                 grad_sums,
                                 ds,
                                 by_row,
                                 by_row + block.targets() * pitch,
                                 biased_u,
                                 grad_biased,
                                 w,
                                 grad_w,
                                 block.dst == 0};
      if (op.gelu)
        gelu_grad<T>(by_out, op.pre + dst * op.out_feats, grad_pre, block.targets() * op.out_feats);
      targets.run([&] {
        return [&](int64_t, int64_t first, int64_t last) {
          for (int64_t i = first; i < last; ++i) pass.set_factors(i);
        };
      });
      sums_grad<T>(pass);
      with_activation<T>(op.activation, op.slope,
                         [&](auto act) { edge_grads<T>(pass, act, targets, sources); });
      product_grads<T>(pass);
      score_grad<T>(pass, partials);
    }
  });
}

}  // namespace ariigcn::ARIIGCN_ISA
