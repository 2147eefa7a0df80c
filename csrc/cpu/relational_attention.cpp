// The relational attention on the CPU.
#include "kernels.h"

#include <torch/csrc/stable/library.h>

#include "../relational_attention.h"

namespace {
using namespace ariigcn;
using torch::headeronly::ScalarType;
using torch::stable::Tensor;

template <typename T>
RelationalAttention<T> arguments(const AttentionInputs& in) {
  const auto at = [](const Tensor& t) { return t.const_data_ptr<T>(); };
  const auto optional = [&](const std::optional<Tensor>& t) { return t ? at(*t) : nullptr; };
  RelationalAttention<T> op{};
  static_cast<AttentionOptions&>(op) = in.options;
  op.graph = in.graph;
  op.groups = in.groups();
  op.heads = op.groups / in.src_feat.size(0);
  op.in_feats = in.src_feat.size(2);
  op.attn_feats = in.score.size(1);
  op.kept_pitch = kept_pitch(op.heads, op.attn_feats);
  op.out_feats = in.out_feats();
  op.keep = in.seed ? T(1 - in.options.dropout) : T(1);
  op.seed = in.seed ? uint64_t(*in.seed->const_data_ptr<int64_t>()) : 0;
  op.dst_feat = at(in.dst());
  op.src_feat = at(in.src_feat);
  op.weight_dst = at(in.weight_dst);
  op.weight_src = at(in.weight_src);
  op.score = at(in.score);
  op.bias = optional(in.bias);
  op.edge_weight = optional(in.edge_weight);
  op.rel_weight = at(in.rel_weight);
  return op;
}

template <typename T>
void run_forward(const AttentionInputs& in, AttentionOutputs& to, bool keep) {
  RelationalAttention<T> op = arguments<T>(in);
  op.out = to.out.mutable_data_ptr<T>();
  op.alpha = to.alpha.mutable_data_ptr<T>();
  if (keep) {
    op.u = to.u.mutable_data_ptr<T>();
    op.v = to.v.mutable_data_ptr<T>();
    op.pre = op.gelu ? to.pre.mutable_data_ptr<T>() : nullptr;
  }
  CALL_BEST_ISA(relational_attention, op);
}

template <typename T>
void run_backward(const AttentionInputs& in, const AttentionSaved& from, AttentionGrads& to) {
  // backward reads what forward wrote; one struct serves both
  const auto written = [](const Tensor& t) { return const_cast<T*>(t.const_data_ptr<T>()); };
  RelationalAttentionGrad<T> grad{};
  grad.forward = arguments<T>(in);
  grad.forward.alpha = written(from.alpha);
  grad.forward.u = written(from.u);
  grad.forward.v = written(from.v);
  grad.forward.pre = written(from.pre);
  grad.grad_out = from.grad_out.const_data_ptr<T>();
  grad.grad_alpha = from.grad_alpha ? from.grad_alpha->const_data_ptr<T>() : nullptr;
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

struct Cpu {
  static void check(const Checks& check, const AttentionInputs& in) {
    check.float_or_double();
    check_edges(check, in.graph);
    check_segments(check, in.graph);
    check_transpose(check, in.graph);
    check_components(check, in.graph);
  }
  static std::array<int64_t, 3> kept_shape(const AttentionInputs& in, int64_t nodes) {
    const int64_t modalities = in.src_feat.size(0);
    return {modalities, nodes, kept_pitch(in.groups() / modalities, in.score.size(1))};
  }
  static void forward(const AttentionInputs& in, AttentionOutputs& to, bool keep) {
    if (in.src_feat.scalar_type() == ScalarType::Double)
      run_forward<double>(in, to, keep);
    else
      run_forward<float>(in, to, keep);
  }
  static void backward(const AttentionInputs& in, const AttentionSaved& from, AttentionGrads& to) {
    if (in.graph.num_components == 0) {  // then no block is there to write the zeros
      for (Tensor* grad : {&to.dst_feat, &to.src_feat, &to.weight_dst, &to.weight_src, &to.score,
                           &to.rel_weight, &to.bias, &to.edge_weight})
        torch::stable::zero_(*grad);
      return;
    }
    if (in.src_feat.scalar_type() == ScalarType::Double)
      run_backward<double>(in, from, to);
    else
      run_backward<float>(in, from, to);
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ariigcn, CPU, m) {
  m.impl("relational_attention", TORCH_BOX(&relational_attention<Cpu>));
  m.impl("relational_attention_backward", TORCH_BOX(&relational_attention_backward<Cpu>));
}
