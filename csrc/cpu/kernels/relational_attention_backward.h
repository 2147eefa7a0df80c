// Relational edge attention, backward: the sums are formed again, the edge loops run once over
// targets and once over sources, and every weight's gradient is one product over its own rows.
#pragma once

#include "relational_attention_edges.h"

namespace ariigcn::ARIIGCN_ISA {

constexpr int64_t kOuterRows = 96;  // rows of a weight's gradient that one task computes

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
  const auto& graph = pass.graph();
  const Block& block = pass.block;
  const int64_t width = op.in_feats, depth = op.out_feats, range = product_range(graph, block);
  run_tasks(product_tasks<T>(block.targets(), range, width), [&] {
    return [&, panel = Buffer<T>(depth * kPanel<T>)](int64_t t) {
      const ProductTask<T> task(t, block.targets(), range, width);
      for (int64_t r = 0; r < graph.num_rels; ++r) {
        const int64_t begin = first_position(graph, block, r, block.dst + task.first);
        const int64_t end = first_position(graph, block, r, block.dst + task.last);
        product<T>(
            {pass.rel_weight(r), depth, depth, width, true}, task.n0, end - begin,
            [&](int64_t m) {
              const int64_t i = graph.seg_dst[block.seg + block.order[begin + m]];
              return pass.grad_pre + (i - block.dst) * depth;
            },
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
    product<T>(
        {weight, op.attn_feats, op.attn_feats, op.in_feats, true}, task.n0, task.last - task.first,
        [&](int64_t m) { return grad + (task.first + m) * op.attn_pitch; },
        [&](int64_t m) { return feat + (task.first + m) * op.in_feats; }, add, panel);
  }
};

// The gradient of a weight: the sum of left(k) (x) right(k).
template <typename T, typename Left, typename Right>
void weight_grad(int64_t t, int64_t count, const Left& left, const Right& right, int64_t width,
                 int64_t in_feats, T* to, bool add, T* panel) {
  const int64_t m0 = t * kOuterRows;
  multiply_outer<T>(
      count, [&](int64_t k) { return left(k) + m0; }, right, std::min(kOuterRows, in_feats - m0),
      width, to + m0 * width, width, add, panel);
}

template <typename T>
void weight_grads(const BackwardPass<T>& pass, int64_t which, int64_t t, T* panel) {
  const auto& op = pass.op;
  const auto& graph = pass.graph();
  const Block& block = pass.block;
  const int64_t in = op.in_feats, attn = op.attn_feats, out = op.out_feats;
  if (which < 2) {
    const bool dst = which == 0;
    const T* feat = dst ? pass.dst_feat(block.dst) : pass.src_feat(block.src);
    const T* grad = dst ? pass.grad_u : pass.grad_v;
    T* to = (dst ? pass.grad.weight_dst : pass.grad.weight_src) + pass.g * in * attn;
    return weight_grad<T>(
        t, dst ? block.targets() : block.sources(), [&](int64_t k) { return feat + k * in; },
        [&](int64_t k) { return grad + k * op.attn_pitch; }, attn, in, to, !pass.first_block,
        panel);
  }
  const int64_t r = which - 2, first = block.rel[r];
  weight_grad<T>(
      t, block.rel[r + 1] - first, [&](int64_t k) { return pass.sums + (first + k) * in; },
      [&](int64_t k) {
        const int64_t i = graph.seg_dst[block.seg + block.order[first + k]];
        return pass.grad_pre + (i - block.dst) * out;
      },
      out, in, pass.grad.rel_weight + (pass.g * graph.num_rels + r) * in * out, !pass.first_block,
      panel);
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
  const int64_t per_weight = ceil_div(op.in_feats, kOuterRows);
  const int64_t of_weights = (rels + 2) * per_weight, of_bias = op.bias == nullptr ? 0 : rels;
  const int64_t depth = std::max(op.attn_feats, kOuterDepth);
  run_tasks(of_weights + of_src + of_dst + of_bias, [&] {
    return [&, panel = Buffer<T>(depth * kPanel<T>)](int64_t t) {
      if (t < of_weights) return weight_grads<T>(pass, t / per_weight, t % per_weight, panel);
      if ((t -= of_weights) < of_src) {
        src.run(t, op, panel);
        return shared ? dst.run(t, op, panel) : void();
      }
      if ((t -= of_src) < of_dst) return dst.run(t, op, panel);
      bias_grad<T>(pass, t - of_dst);
    };
  });
}

template <typename T>
void score_grad(const BackwardPass<T>& pass) {
  const int64_t tasks =
      edge_tasks<T>(pass.block.targets()) + edge_tasks<T>(pass.block.sources());
  T* to = pass.grad.score + pass.g * pass.op.attn_feats;
  if (pass.first_block) std::fill_n(to, pass.op.attn_feats, T(0));
  for (int64_t t = 0; t < tasks; ++t)
    for (int64_t k = 0; k < pass.op.attn_feats; ++k) to[k] += pass.grad_w[t * pass.op.attn_pitch + k];
}

template <typename T>
void relational_attention_backward(const RelationalAttentionGrad<T>& grad) {
  const RelationalAttention<T>& op = grad.forward;
  for_blocks(op.graph, [&](const Block& block) {
    const int64_t pitch = op.attn_pitch, rows = block.targets() + block.sources();
    const int64_t biased = op.bias == nullptr ? 0 : block.segments() * pitch;
    const int64_t partials = edge_tasks<T>(block.targets()) + edge_tasks<T>(block.sources());
    Buffer<T> sums(block.segments() * op.in_feats), grad_sums(block.segments() * op.in_feats);
    Buffer<T> factor(block.edges()), ds(block.edges()), by_row(rows * pitch);
    Buffer<T> biased_u(biased), grad_biased(biased), w(pitch), grad_w(partials * pitch);
    Buffer<T> grad_pre(op.gelu ? block.targets() * op.out_feats : 0);
    for (int64_t g = 0; g < op.groups; ++g) {
      const int64_t dst = g * op.graph.num_dst + block.dst, src = g * op.graph.num_src + block.src;
      const T* by_out = grad.grad_out + dst * op.out_feats;
      std::fill_n(w + 0, pitch, T(0));
      std::copy_n(op.score + g * op.attn_feats, op.attn_feats, w + 0);
      const BackwardPass<T> pass{
          {op, block, g, op.u + dst * pitch, op.v + src * pitch, sums, factor},
          grad, op.gelu ? grad_pre : by_out, grad_sums, ds, by_row,
          by_row + block.targets() * pitch, biased_u, grad_biased, w, grad_w, block.dst == 0};
      if (op.gelu)
        gelu_grad<T>(by_out, op.pre + dst * op.out_feats, grad_pre, block.targets() * op.out_feats);
      run_ranges(block.targets(), kRowsPerEdgeTask, [&](int64_t first, int64_t last) {
        for (int64_t i = block.dst + first; i < block.dst + last; ++i) pass.sum_segments(i);
      });
      sums_grad<T>(pass);
      with_activation<T>(op.activation, op.slope, [&](auto act) { edge_grads<T>(pass, act); });
      product_grads<T>(pass);
      score_grad<T>(pass);
    }
  });
}

}  // namespace ariigcn::ARIIGCN_ISA
