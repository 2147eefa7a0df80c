// Binds the fused relational attention: tensors to the kernels' arguments.
#include "kernels.h"

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/core/ScalarType.h>

#include <optional>
#include <tuple>

#include "../relational_attention_checks.h"
#include "graph_checks.h"

namespace {
using namespace ariigcn;
using torch::headeronly::ScalarType;
using torch::stable::Tensor;
using Optional = std::optional<Tensor>;

// Rows of u and v are padded to whole vectors of any instruction set.
constexpr int64_t kPad = 16;

struct Inputs {
  const Optional& dst_feat;
  const Tensor &src_feat, &weight_dst, &weight_src, &score, &rel_weight;
  const Optional &bias, &edge_weight, &seed;
  int64_t activation;
  double slope, dropout;
  bool normalise, gelu;
  const Tensor &indptr, &indices, &seg_ptr, &seg_dst, &seg_rel, &edge_seg, &t_indptr, &t_eids,
      &components;

  const Tensor& dst() const { return dst_feat ? *dst_feat : src_feat; }
  int64_t pitch() const { return (score.size(1) + kPad - 1) / kPad * kPad; }

  template <typename T>
  RelationalAttention<T> arguments() const {
    RelationalAttention<T> op{};
    op.graph = structure();
    op.groups = weight_dst.size(0);
    op.heads = op.groups / std::max<int64_t>(1, src_feat.size(0));
    op.in_feats = src_feat.size(2);
    op.attn_feats = score.size(1);
    op.attn_pitch = pitch();
    op.out_feats = rel_weight.size(3);
    op.activation = Activation(activation);
    op.slope = T(slope);
    op.keep = seed ? T(1 - dropout) : T(1);
    op.seed = seed ? uint64_t(*seed->const_data_ptr<int64_t>()) : 0;
    op.normalise = normalise;
    op.gelu = gelu;
    op.dst_feat = dst().const_data_ptr<T>();
    op.src_feat = src_feat.const_data_ptr<T>();
    op.weight_dst = weight_dst.const_data_ptr<T>();
    op.weight_src = weight_src.const_data_ptr<T>();
    op.score = score.const_data_ptr<T>();
    op.bias = bias ? bias->const_data_ptr<T>() : nullptr;
    op.edge_weight = edge_weight ? edge_weight->const_data_ptr<T>() : nullptr;
    op.rel_weight = rel_weight.const_data_ptr<T>();
    return op;
  }

 private:
  AttentionGraph structure() const {
    const auto at = [](const Tensor& t) { return t.const_data_ptr<int64_t>(); };
    return {indptr.numel() - 1, t_indptr.numel() - 1, indices.numel(),
            seg_dst.numel(),    rel_weight.size(1),   components.numel() - 1,
            at(indptr),         at(indices),          at(seg_ptr),
            at(seg_dst),        at(seg_rel),          at(edge_seg),
            at(t_indptr),       at(t_eids),           at(components)};
  }
};

Checks check_inputs(const char* op, const Inputs& in) {
  const Checks check = check_relational_attention(op, in);
  check.float_or_double();
  check.int64("components", in.components, {in.components.numel()});
  check.int64("indices", in.indices, {in.indices.numel()});
  check.within("seg_rel", in.seg_rel, in.rel_weight.size(1));
  check_edges(check, in.indptr, in.indices, in.src_feat.size(1));
  check_segments(check, in.indptr, in.seg_ptr, in.seg_dst, in.edge_seg);
  check_transpose(check, in.indices, in.t_indptr, in.t_eids);
  check_components(check, in.indptr, in.indices, in.components);
  return check;
}

template <typename T>
void run_forward(const Inputs& in, Tensor& out, Tensor& alpha, Tensor& u, Tensor& v, Tensor& pre,
                 bool keep) {
  RelationalAttention<T> op = in.arguments<T>();
  op.out = out.mutable_data_ptr<T>();
  op.alpha = alpha.mutable_data_ptr<T>();
  if (keep) {
    op.u = u.mutable_data_ptr<T>();
    op.v = v.mutable_data_ptr<T>();
    op.pre = in.gelu ? pre.mutable_data_ptr<T>() : nullptr;
  }
  CALL_BEST_ISA(relational_attention, op);
}

std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor> relational_attention(
    const Optional& dst_feat, const Tensor& src_feat, const Tensor& weight_dst,
    const Tensor& weight_src, const Tensor& score, const Tensor& rel_weight, const Optional& bias,
    const Optional& edge_weight, const Optional& seed, int64_t activation, double slope,
    double dropout, bool normalise, bool gelu, bool /*tf32*/, bool keep, const Tensor& indptr,
    const Tensor& indices, const Tensor& seg_ptr, const Tensor& seg_dst, const Tensor& seg_rel,
    const Tensor& edge_seg, const Tensor& t_indptr, const Tensor& t_eids, const Tensor& components,
    const Optional& /*rel_ptr*/, const Optional& /*seg_order*/, const Optional& /*dst_order*/) {
  const Inputs in{dst_feat,  src_feat,    weight_dst, weight_src, score,     rel_weight,
                  bias,      edge_weight, seed,       activation, slope,     dropout,
                  normalise, gelu,        indptr,     indices,    seg_ptr,   seg_dst,
                  seg_rel,   edge_seg,    t_indptr,   t_eids,     components};
  check_inputs("relational_attention", in);
  const int64_t groups = weight_dst.size(0), num_dst = indptr.numel() - 1, kept = keep ? groups : 0;
  const auto make = [&](std::initializer_list<int64_t> shape) {
    return torch::stable::new_empty(src_feat, shape);
  };
  Tensor out = make({groups, num_dst, rel_weight.size(3)}), alpha = make({groups, indices.numel()});
  Tensor u = make({kept, num_dst, in.pitch()}), v = make({kept, t_indptr.numel() - 1, in.pitch()});
  Tensor pre = make({in.gelu ? kept : 0, num_dst, rel_weight.size(3)});
  if (src_feat.scalar_type() == ScalarType::Double)
    run_forward<double>(in, out, alpha, u, v, pre, keep);
  else
    run_forward<float>(in, out, alpha, u, v, pre, keep);
  return {out, alpha, u, v, pre};
}

struct Gradients {
  Tensor dst_feat, src_feat, weight_dst, weight_src, score, rel_weight, bias, edge_weight;
};

template <typename T>
void run_backward(const Inputs& in, const Tensor& grad_out, const Optional& grad_alpha,
                  const Tensor& alpha, const Tensor& u, const Tensor& v, const Tensor& pre,
                  Gradients& to) {
  RelationalAttentionGrad<T> grad{};
  grad.forward = in.arguments<T>();
  // backward reads what forward wrote; one struct serves both
  grad.forward.alpha = const_cast<T*>(alpha.const_data_ptr<T>());
  grad.forward.u = const_cast<T*>(u.const_data_ptr<T>());
  grad.forward.v = const_cast<T*>(v.const_data_ptr<T>());
  grad.forward.pre = const_cast<T*>(pre.const_data_ptr<T>());
  grad.grad_out = grad_out.const_data_ptr<T>();
  grad.grad_alpha = grad_alpha ? grad_alpha->const_data_ptr<T>() : nullptr;
  grad.src_feat = to.src_feat.mutable_data_ptr<T>();
  grad.dst_feat = in.dst_feat ? to.dst_feat.mutable_data_ptr<T>() : grad.src_feat;
  grad.weight_dst = to.weight_dst.mutable_data_ptr<T>();
  grad.weight_src = to.weight_src.mutable_data_ptr<T>();
  grad.score = to.score.mutable_data_ptr<T>();
  grad.rel_weight = to.rel_weight.mutable_data_ptr<T>();
  grad.bias = in.bias ? to.bias.mutable_data_ptr<T>() : nullptr;
  grad.edge_weight = in.edge_weight ? to.edge_weight.mutable_data_ptr<T>() : nullptr;
  CALL_BEST_ISA(relational_attention_backward, grad);
}

std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor>
relational_attention_backward(const Tensor& grad_out, const Optional& grad_alpha,
                              const Tensor& alpha, const Tensor& u, const Tensor& v,
                              const Tensor& pre, const Optional& dst_feat, const Tensor& src_feat,
                              const Tensor& weight_dst, const Tensor& weight_src,
                              const Tensor& score, const Tensor& rel_weight, const Optional& bias,
                              const Optional& edge_weight, const Optional& seed, int64_t activation,
                              double slope, double dropout, bool normalise, bool gelu,
                              bool /*tf32*/, const Tensor& indptr, const Tensor& indices,
                              const Tensor& seg_ptr, const Tensor& seg_dst, const Tensor& seg_rel,
                              const Tensor& edge_seg, const Tensor& t_indptr, const Tensor& t_eids,
                              const Tensor& components, const Optional& /*rel_ptr*/,
                              const Optional& /*seg_order*/, const Optional& /*dst_order*/) {
  const Inputs in{dst_feat,  src_feat,    weight_dst, weight_src, score,     rel_weight,
                  bias,      edge_weight, seed,       activation, slope,     dropout,
                  normalise, gelu,        indptr,     indices,    seg_ptr,   seg_dst,
                  seg_rel,   edge_seg,    t_indptr,   t_eids,     components};
  const Checks check = check_inputs("relational_attention_backward", in);
  check_relational_gradients(check, in, grad_out, grad_alpha, alpha, u, v, pre);
  const bool empty = components.numel() < 2;  // then no block is there to write the zeros
  const auto like = [&](const Tensor& t) {
    Tensor grad = torch::stable::empty_like(t);
    if (empty) torch::stable::zero_(grad);
    return grad;
  };
  const Tensor none = torch::stable::new_empty(src_feat, {0});
  Gradients to{dst_feat ? like(*dst_feat) : none,
               like(src_feat),
               like(weight_dst),
               like(weight_src),
               like(score),
               like(rel_weight),
               bias ? like(*bias) : none,
               edge_weight ? like(*edge_weight) : none};
  if (src_feat.scalar_type() == ScalarType::Double)
    run_backward<double>(in, grad_out, grad_alpha, alpha, u, v, pre, to);
  else
    run_backward<float>(in, grad_out, grad_alpha, alpha, u, v, pre, to);
  return {to.dst_feat, to.src_feat,   to.weight_dst, to.weight_src,
          to.score,    to.rel_weight, to.bias,       to.edge_weight};
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ariigcn, CPU, m) {
  m.impl("relational_attention", TORCH_BOX(&relational_attention));
  m.impl("relational_attention_backward", TORCH_BOX(&relational_attention_backward));
}
