// Relational edge attention, backward: the sums are formed again, the edge loops run once over
// targets and once over sources, and every weight's gradient is one product over its own rows.
#pragma once

#include "arrangement.h"
#include "edges.h"
#include "heads_grad.h"
#include "transform_first.h"

namespace ariigcn::ARIIGCN_ISA {

// Rows of a weight's gradient that one task computes: fewer where threads would wait. What an
// element becomes does not depend on it.
inline int64_t outer_rows(const GraphPlan& graph) {
  return graph.num_rels + 2 >= 4 * torch::stable::get_num_threads() ? 256 : 96;
}

// The gradient of rows' features through a projection: rows (+)= grad W^T.
template <typename T>
struct FeatureGrad {
  const T *grad, *weight;
  T* feat;
  int64_t rows;
  bool add;

  int64_t tasks(int64_t width) const { return product_tasks<T>(rows, kRowsPerProduct, width); }
  void run(int64_t t, const AttentionPass<T>& pass, T* panel) const {
    const int64_t width = pass.op.in_feats, depth = pass.attn_feats;
    const ProductTask<T> task(t, rows, kRowsPerProduct, width);
    multiply_rows<T>(
        {weight, depth, depth, width, true}, task.n0, task.last - task.first,
        [&](int64_t m) { return grad + (task.first + m) * pass.pitch; },
        [&](int64_t m) { return feat + (task.first + m) * width; }, add, panel);
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
          pass.g * op.in_feats * op.attn_feats + m0 * pass.attn_feats;
  multiply_outer<T>(
      dst ? block.targets() : block.sources(), [&](int64_t k) { return feat + k * op.in_feats; },
      [&](int64_t k) { return grad + k * pass.pitch; }, rows, pass.attn_feats, to, pass.attn_feats,
      !pass.first_block, panel);
}

template <typename T>
void bias_grad(const BackwardPass<T>& pass, int64_t r) {
  const int64_t width = pass.attn_feats;
  T* to = pass.grad.bias + pass.g * pass.graph().num_rels * pass.op.attn_feats + r * width;
  if (pass.first_block) std::fill_n(to, width, T(0));
  for (int64_t p = pass.block.rel[r]; p < pass.block.rel[r + 1]; ++p)
    for (int64_t k = 0; k < width; ++k) to[k] += pass.grad_biased[p * pass.pitch + k];
}

// The gradient by `out` before GELU, for which `made` has room.
template <typename T>
void set_grad_pre(BackwardPass<T>& pass, T* made) {
  const auto& op = pass.op;
  const int64_t rows = pass.block.targets() * op.out_feats, all = op.graph.num_dst * op.out_feats;
  const int64_t lists = op.transforms_first ? 1 : pass.heads, each = pass.heads / lists;
  const int64_t start = pass.g * all + pass.block.dst * op.out_feats * each;
  pass.grad_pre = op.gelu ? made : pass.grad.grad_out + start;
  pass.head_stride = op.gelu ? rows : all;
  for (int64_t h = 0; h < lists && op.gelu; ++h)
    gelu_grad<T>(pass.grad.grad_out + start + h * all, op.pre + start + h * all, made + h * rows,
                 rows * each);
}

// Everything that is a matrix product of what the edge loops left behind, as one list of tasks.
template <typename T>
void product_grads(const BackwardPass<T>& pass, const SourcePairs& pairs) {
  const auto& op = pass.op;
  const Block& block = pass.block;
  const int64_t rels = pass.graph().num_rels, weight = pass.g * op.in_feats * op.attn_feats;
  const bool shared = pass.grad.dst_feat == pass.grad.src_feat;
  const FeatureGrad<T> src{pass.grad_v, op.weight_src + weight,
                           pass.grad.src_feat + (pass.src_feat(block.src) - op.src_feat),
                           block.sources(), true};
  const FeatureGrad<T> dst{pass.grad_u, op.weight_dst + weight,
                           pass.grad.dst_feat + (pass.dst_feat(block.dst) - op.dst_feat),
                           block.targets(), shared || pass.g % op.heads > 0};
  const int64_t of_src = src.tasks(op.in_feats), of_dst = shared ? 0 : dst.tasks(op.in_feats);
  const int64_t most = outer_rows(op.graph), per_weight = ceil_div(op.in_feats, most);
  const int64_t matrices = op.out_feats == 0 ? 0 : rels;
  const int64_t of_weights = (2 + matrices) * per_weight, of_bias = op.bias == nullptr ? 0 : rels;

  run_tasks(of_weights + of_src + of_dst + of_bias, [&] {
    return [&, sums = Buffer<T>(op.transforms_first ? 0 : pass.heads * kOuterDepth * most),
            panel = Buffer<T>(kDepth * kPanel<T>)](int64_t t) {
      const int64_t which = t / per_weight, m0 = t % per_weight * most;
      const int64_t rows = std::min(most, op.in_feats - m0);
      if (t < of_weights) {
        const int64_t r = which - 2;
        if (which < 2) return projection_grad<T>(pass, which == 0, m0, rows, panel);
        return op.transforms_first ? transform_first_weight_grad<T>(pass, pairs, r, m0, rows, panel)
                                   : sum_first_weight_grad<T>(pass, r, m0, rows, sums, panel);
      }
      if ((t -= of_weights) < of_src) {
        src.run(t, pass, panel);
        return shared ? dst.run(t, pass, panel) : void();
      }
      if ((t -= of_src) < of_dst) return dst.run(t, pass, panel);
      bias_grad<T>(pass, t - of_dst);
    };
  });
}

// From the partial rows of so many tasks.
template <typename T>
void score_grad(const BackwardPass<T>& pass, int64_t tasks) {
  T* to = pass.grad.score + pass.g * pass.op.attn_feats;
  if (pass.first_block) std::fill_n(to, pass.attn_feats, T(0));
  for (int64_t t = 0; t < tasks; ++t)
    for (int64_t k = 0; k < pass.attn_feats; ++k) to[k] += pass.grad_w[t * pass.pitch + k];
}

// Where nothing was multiplied.
template <typename T>
void no_message_grads(const BackwardPass<T>& pass) {
  std::fill_n(pass.ds, pass.block.edges() * pass.heads, T(0));
  if (pass.g % pass.op.heads == 0)
    std::fill_n(pass.grad_src(pass.block.src), pass.block.sources() * pass.op.in_feats, T(0));
}

template <typename T>
void relational_attention_backward(const RelationalAttentionGrad<T>& given) {
  const ArrangedGrad<T> arranged(given);
  const RelationalAttentionGrad<T>& grad = arranged.op;
  const RelationalAttention<T>& op = grad.forward;
  const GraphPlan& graph = op.graph;
  const int64_t most = std::min<int64_t>(op.heads, kLanes<T>), widest = score_pitch(op, most);
  for_blocks(graph, [&](const Block& block) {
    const int64_t rows = block.targets() + block.sources();
    const int64_t biased = op.bias == nullptr ? 0 : block.segments() * widest;
    const EdgeTasks targets = target_tasks(graph, block), sources = source_tasks(graph, block);
    const SourcePairs pairs(graph, block, op.transforms_first);
    const PairEdges pair_edges(pairs, block);
    const int64_t partials = targets.count() + sources.count() + kHubPartials;
    Buffer<T> grad_sums(op.transforms_first ? pairs.count() * most * op.out_feats
                                            : sum_first_grad_size(op, block));
    Buffer<T> factor(block.edges() * most + kLanes<T>), ds(block.edges() * most + kLanes<T>);
    Buffer<T> by_row(rows * widest), biased_u(biased), grad_biased(biased);
    Buffer<T> grad_w(partials * widest), hub_sums(hub_sums_size(op, block, most));
    Buffer<T> grad_pre(op.gelu ? most * block.targets() * op.out_feats : 0);
    for_bundles<T>(op, [&](int64_t g, int64_t heads) {
      const ScoreVector<T> w(op, g, heads);
      const int64_t pitch = score_pitch(op, heads);
      BackwardPass<T> pass{
          {op, block, g, heads, kept_rows(op, op.u, g, graph.num_dst) + block.dst * pitch,
           kept_rows(op, op.v, g, graph.num_src) + block.src * pitch, factor, hub_sums},
          grad,
          nullptr,
          0,
          grad_sums,
          ds,
          by_row,
          by_row + block.targets() * pitch,
          biased_u,
          grad_biased,
          w,
          grad_w,
          block.dst == 0};
      set_grad_pre<T>(pass, grad_pre);
      with_heads<T>(heads, [&](const auto& of) {
        targets.hubs.run([&] {
          return [&](int64_t, const HubPart& part) {
            pass.set_factors(of, part.segment, part.first, part.last);
          };
        });
        targets.run([&] {
          return [&](int64_t, int64_t first, int64_t last) {
            for (int64_t i = first; i < last; ++i) pass.set_factors(of, i);
          };
        });
      });
      if (op.out_feats == 0)
        no_message_grads<T>(pass);
      else if (op.transforms_first)
        transform_first_grad<T>(pass, pairs, pair_edges, targets);
      else
        sum_first_grad<T>(pass, targets, sources);
      with_activation<T>(op.activation, op.slope, [&](auto act) {
        with_heads<T, act.kQuick>(
            heads, [&](const auto& of) { edge_grads<T>(pass, act, of, targets, sources); });
      });
      if (op.out_feats > 0 && !op.transforms_first) sum_hubs<T>(pass);
      product_grads<T>(pass, pairs);
      score_grad<T>(pass, partials);
    });
  });
  arranged.put_back();
}

}  // namespace ariigcn::ARIIGCN_ISA
