// The demands of relational attention, alike on every device; `Inputs` is a binding's own struct.
#pragma once

#include "checks.h"

namespace ariigcn {

template <typename Inputs>
Checks check_relational_attention(const char* op, const Inputs& in) {
  Checks::dim(op, "src_feat", in.src_feat, 3);
  Checks::dim(op, "weight_dst", in.weight_dst, 3);
  Checks::dim(op, "rel_weight", in.rel_weight, 4);
  const Checks check(op, in.src_feat);
  const int64_t modalities = in.src_feat.size(0), num_src = in.src_feat.size(1);
  const int64_t in_feats = in.src_feat.size(2), groups = in.weight_dst.size(0);
  const int64_t attn_feats = in.weight_dst.size(2), rels = in.rel_weight.size(1);
  const int64_t num_dst = in.indptr.numel() - 1, edges = in.indices.numel();
  STD_TORCH_CHECK(modalities > 0 && groups % modalities == 0, op,
                  ": groups must be a multiple of modalities");
  STD_TORCH_CHECK(in_feats > 0 && attn_feats > 0 && in.rel_weight.size(3) > 0, op,
                  ": features must be at least 1 wide");
  STD_TORCH_CHECK(in.dst_feat || num_dst == num_src, op, ": dst_feat is needed here");
  STD_TORCH_CHECK(in.activation >= 0 && in.activation < 4, op, ": unknown activation");
  STD_TORCH_CHECK(in.dropout >= 0 && in.dropout < 1, op, ": dropout must lie in [0, 1)");
  check.values("src_feat", in.src_feat, {modalities, num_src, in_feats});
  check.values("dst_feat", in.dst_feat, {modalities, num_dst, in_feats});
  check.values("weight_dst", in.weight_dst, {groups, in_feats, attn_feats});
  check.values("weight_src", in.weight_src, {groups, in_feats, attn_feats});
  check.values("score", in.score, {groups, attn_feats});
  check.values("rel_weight", in.rel_weight, {groups, rels, in_feats, in.rel_weight.size(3)});
  check.values("bias", in.bias, {groups, rels, attn_feats});
  check.values("edge_weight", in.edge_weight, {edges});
  if (in.seed) check.int64("seed", *in.seed, {});
  const auto type = in.indices.scalar_type();
  const int64_t segments = in.seg_dst.numel();
  check.indices("indptr", in.indptr, num_dst + 1, type);
  check.indices("indices", in.indices, edges, type);
  check.indices("seg_ptr", in.seg_ptr, segments + 1, type);
  check.indices("seg_dst", in.seg_dst, segments, type);
  check.indices("seg_rel", in.seg_rel, segments, type);
  check.indices("edge_seg", in.edge_seg, edges, type);
  check.indices("t_indptr", in.t_indptr, num_src + 1, type);
  check.indices("t_eids", in.t_eids, edges, type);
  return check;
}

// What forward leaves for backward, and the gradients of its results.
template <typename Inputs>
void check_relational_gradients(const Checks& check, const Inputs& in,
                                const Checks::Tensor& grad_out,
                                const std::optional<Checks::Tensor>& grad_alpha,
                                const Checks::Tensor& alpha, const Checks::Tensor& u,
                                const Checks::Tensor& v, const Checks::Tensor& pre) {
  const int64_t groups = in.weight_dst.size(0), num_dst = in.indptr.numel() - 1;
  const int64_t num_src = in.src_feat.size(1), edges = in.indices.numel();
  const int64_t out_feats = in.rel_weight.size(3);
  check.values("grad_out", grad_out, {groups, num_dst, out_feats});
  check.values("grad_alpha", grad_alpha, {groups, edges});
  check.values("alpha", alpha, {groups, edges});
  check.values("u", u, {groups, num_dst, in.pitch()});
  check.values("v", v, {groups, num_src, in.pitch()});
  check.values("pre", pre, {in.gelu ? groups : 0, num_dst, out_feats});
}

}  // namespace ariigcn
