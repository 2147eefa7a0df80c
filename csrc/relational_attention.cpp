// The relational attention as torch knows it: G groups (modalities x heads); `plan` and `sizes` are
// those of a graph (graph_plan.h).
#include <torch/csrc/stable/library.h>

STABLE_TORCH_LIBRARY_FRAGMENT(ariigcn, m) {
  m.def(
      "relational_attention(Tensor? dst_feat, Tensor src_feat, Tensor weight_dst,"
      " Tensor weight_src, Tensor score, Tensor rel_weight, Tensor? bias, Tensor? edge_weight,"
      " Tensor? seed, Tensor plan, SymInt[] sizes, int activation, float negative_slope,"
      " float dropout, bool normalise, bool gelu, bool within_relation, int fp32_precision,"
      " bool keep)"
      " -> (Tensor out, Tensor alpha, Tensor u, Tensor v, Tensor pre)");
  m.def(
      "relational_attention_backward(Tensor grad_out, Tensor? grad_alpha, Tensor alpha, Tensor u,"
      " Tensor v, Tensor pre, Tensor? dst_feat, Tensor src_feat, Tensor weight_dst,"
      " Tensor weight_src, Tensor score, Tensor rel_weight, Tensor? bias, Tensor? edge_weight,"
      " Tensor? seed, Tensor plan, SymInt[] sizes, int activation, float negative_slope,"
      " float dropout, bool normalise, bool gelu, bool within_relation, int fp32_precision)"
      " -> (Tensor dst_feat, Tensor src_feat, Tensor weight_dst, Tensor weight_src, Tensor score,"
      " Tensor rel_weight, Tensor bias, Tensor edge_weight)");
}
