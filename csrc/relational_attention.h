// The relational attention as an operator, alike on every device: what it is given, what that must
// be, and the tensors it returns. `Backend` computes it on a device:
//   check(checks, inputs), forward(inputs, outputs, keep), backward(inputs, saved, grads).
#pragma once

#include <torch/csrc/stable/ops.h>

#include <algorithm>
#include <array>
#include <optional>
#include <tuple>

#include "graph_checks.h"
#include "relational_attention_options.h"

namespace ariigcn {

// Rows of u and v are padded to whole vectors of every type and instruction set.
constexpr int64_t kAttentionPad = 16;

struct [[gnu::visibility("hidden")]] AttentionInputs {
  using Tensor = torch::stable::Tensor;
  using Optional = std::optional<Tensor>;

  const Optional& dst_feat;
  const Tensor &src_feat, &weight_dst, &weight_src, &score, &rel_weight;
  const Optional &bias, &edge_weight, &seed;
  GraphPlan graph;
  AttentionOptions options;

  const Tensor& dst() const { return dst_feat ? *dst_feat : src_feat; }
  int64_t groups() const { return weight_dst.size(0); }
  int64_t out_feats() const { return rel_weight.size(3); }
  int64_t pitch() const {
    return (score.size(1) + kAttentionPad - 1) / kAttentionPad * kAttentionPad;
  }
};

// `pre` is what GELU's gradient needs of its input; u, v and pre are empty if nothing is kept.
struct [[gnu::visibility("hidden")]] AttentionOutputs {
  torch::stable::Tensor out, alpha, u, v, pre;
};

// What backward has besides: the gradients of forward's results, and what that left behind.
struct [[gnu::visibility("hidden")]] AttentionSaved {
  const torch::stable::Tensor& grad_out;
  const std::optional<torch::stable::Tensor>& grad_alpha;
  const torch::stable::Tensor &alpha, &u, &v, &pre;
};

// Those of optional inputs that were not given are empty.
struct [[gnu::visibility("hidden")]] AttentionGrads {
  torch::stable::Tensor dst_feat, src_feat, weight_dst, weight_src, score, rel_weight, bias,
      edge_weight;
};

// The shape of what is kept of u or v, of so many nodes; a backend may lay it out in its own way.
template <typename Backend>
std::array<int64_t, 3> kept_shape(const AttentionInputs& in, int64_t nodes) {
  if constexpr (requires { Backend::kept_shape(in, nodes); })
    return Backend::kept_shape(in, nodes);
  else
    return {in.groups(), nodes, in.pitch()};
}

inline void check_attention(const char* op, const Checks& check, const AttentionInputs& in) {
  const int64_t modalities = in.src_feat.size(0), in_feats = in.src_feat.size(2);
  const int64_t groups = in.groups(), attn_feats = in.weight_dst.size(2);
  const GraphPlan& graph = in.graph;
  STD_TORCH_CHECK(modalities > 0 && groups % modalities == 0, op,
                  ": groups must be a multiple of modalities");
  STD_TORCH_CHECK(in_feats > 0 && attn_feats > 0, op, ": features must be at least 1 wide");
  STD_TORCH_CHECK(
      std::max({in_feats, attn_feats, in.out_feats(), groups * graph.num_rels}) <= kMostNumbers, op,
      ": more than ", kMostNumbers, " features, or groups times relations");
  STD_TORCH_CHECK(in.dst_feat || graph.num_dst == graph.num_src, op, ": dst_feat is needed here");
  const AttentionOptions& options = in.options;
  STD_TORCH_CHECK(int64_t(options.activation) >= 0 && int64_t(options.activation) < 4, op,
                  ": unknown activation");
  STD_TORCH_CHECK(
      int64_t(options.fp32_precision) >= 0 && int64_t(options.fp32_precision) < kNumFp32Precisions,
      op, ": unknown fp32_precision");
  STD_TORCH_CHECK(options.dropout >= 0 && options.dropout < 1, op, ": dropout must lie in [0, 1)");
  check.values("src_feat", in.src_feat, {modalities, graph.num_src, in_feats});
  check.values("dst_feat", in.dst_feat, {modalities, graph.num_dst, in_feats});
  check.values("weight_dst", in.weight_dst, {groups, in_feats, attn_feats});
  check.values("weight_src", in.weight_src, {groups, in_feats, attn_feats});
  check.values("score", in.score, {groups, attn_feats});
  check.values("rel_weight", in.rel_weight, {groups, graph.num_rels, in_feats, in.out_feats()});
  check.values("bias", in.bias, {groups, graph.num_rels, attn_feats});
  check.values("edge_weight", in.edge_weight, {graph.num_edges});
  if (in.seed) check.int64("seed", *in.seed, {});
}

// The checks of an operator whose sizes are then asked for.
inline Checks begin_attention(const char* op, const AttentionInputs::Tensor& src_feat,
                              const AttentionInputs::Tensor& weight_dst,
                              const AttentionInputs::Tensor& score,
                              const AttentionInputs::Tensor& rel_weight) {
  Checks::dim(op, "src_feat", src_feat, 3);
  Checks::dim(op, "weight_dst", weight_dst, 3);
  Checks::dim(op, "score", score, 2);
  Checks::dim(op, "rel_weight", rel_weight, 4);
  return Checks(op, src_feat);
}

template <typename Backend>
auto relational_attention(
    const AttentionInputs::Optional& dst_feat, const AttentionInputs::Tensor& src_feat,
    const AttentionInputs::Tensor& weight_dst, const AttentionInputs::Tensor& weight_src,
    const AttentionInputs::Tensor& score, const AttentionInputs::Tensor& rel_weight,
    const AttentionInputs::Optional& bias, const AttentionInputs::Optional& edge_weight,
    const AttentionInputs::Optional& seed, const AttentionInputs::Tensor& plan,
    std::vector<int64_t> sizes, int64_t activation, double slope, double dropout, bool normalise,
    bool gelu, bool within_relation, int64_t fp32_precision, bool keep) {
  constexpr const char* op = "relational_attention";
  const Checks check = begin_attention(op, src_feat, weight_dst, score, rel_weight);
  const AttentionInputs in{dst_feat,
                           src_feat,
                           weight_dst,
                           weight_src,
                           score,
                           rel_weight,
                           bias,
                           edge_weight,
                           seed,
                           graph_plan(check, plan, sizes),
                           {Activation(activation), slope, dropout, normalise, gelu,
                            within_relation, Fp32Precision(fp32_precision)}};
  check_attention(op, check, in);
  Backend::check(check, in);
  const int64_t kept = keep ? in.groups() : 0, num_dst = in.graph.num_dst;
  const auto make = [&](std::initializer_list<int64_t> shape) {
    return torch::stable::new_empty(src_feat, shape);
  };
  const auto make_kept = [&](int64_t nodes) {
    const auto [lists, rows, pitch] = kept_shape<Backend>(in, nodes);
    return make({keep ? lists : 0, rows, pitch});
  };
  AttentionOutputs to{make({in.groups(), num_dst, in.out_feats()}),
                      make({in.groups(), in.graph.num_edges}), make_kept(num_dst),
                      make_kept(in.graph.num_src),
                      make({gelu ? kept : 0, num_dst, in.out_feats()})};
  Backend::forward(in, to, keep);
  return std::make_tuple(to.out, to.alpha, to.u, to.v, to.pre);
}

template <typename Backend>
auto relational_attention_backward(
    const AttentionInputs::Tensor& grad_out, const AttentionInputs::Optional& grad_alpha,
    const AttentionInputs::Tensor& alpha, const AttentionInputs::Tensor& u,
    const AttentionInputs::Tensor& v, const AttentionInputs::Tensor& pre,
    const AttentionInputs::Optional& dst_feat, const AttentionInputs::Tensor& src_feat,
    const AttentionInputs::Tensor& weight_dst, const AttentionInputs::Tensor& weight_src,
    const AttentionInputs::Tensor& score, const AttentionInputs::Tensor& rel_weight,
    const AttentionInputs::Optional& bias, const AttentionInputs::Optional& edge_weight,
    const AttentionInputs::Optional& seed, const AttentionInputs::Tensor& plan,
    std::vector<int64_t> sizes, int64_t activation, double slope, double dropout, bool normalise,
    bool gelu, bool within_relation, int64_t fp32_precision) {
  constexpr const char* op = "relational_attention_backward";
  const Checks check = begin_attention(op, src_feat, weight_dst, score, rel_weight);
  const AttentionInputs in{dst_feat,
                           src_feat,
                           weight_dst,
                           weight_src,
                           score,
                           rel_weight,
                           bias,
                           edge_weight,
                           seed,
                           graph_plan(check, plan, sizes),
                           {Activation(activation), slope, dropout, normalise, gelu,
                            within_relation, Fp32Precision(fp32_precision)}};
  check_attention(op, check, in);
  Backend::check(check, in);
  const int64_t groups = in.groups(), num_dst = in.graph.num_dst, edges = in.graph.num_edges;
  check.values("grad_out", grad_out, {groups, num_dst, in.out_feats()});
  check.values("grad_alpha", grad_alpha, {groups, edges});
  check.values("alpha", alpha, {groups, edges});
  const auto check_kept = [&](const char* name, const AttentionInputs::Tensor& t, int64_t nodes) {
    const auto [lists, rows, pitch] = kept_shape<Backend>(in, nodes);
    check.values(name, t, {lists, rows, pitch});
  };
  check_kept("u", u, num_dst);
  check_kept("v", v, in.graph.num_src);
  check.values("pre", pre, {gelu ? groups : 0, num_dst, in.out_feats()});
  const auto like = [](const AttentionInputs::Tensor& t) { return torch::stable::empty_like(t); };
  const AttentionInputs::Tensor none = torch::stable::new_empty(src_feat, {0});
  AttentionGrads to{dst_feat ? like(*dst_feat) : none,
                    like(src_feat),
                    like(weight_dst),
                    like(weight_src),
                    like(score),
                    like(rel_weight),
                    bias ? like(*bias) : none,
                    edge_weight ? like(*edge_weight) : none};
  Backend::backward(in, {grad_out, grad_alpha, alpha, u, v, pre}, to);
  return std::make_tuple(to.dst_feat, to.src_feat, to.weight_dst, to.weight_src, to.score,
                         to.rel_weight, to.bias, to.edge_weight);
}

}  // namespace ariigcn
