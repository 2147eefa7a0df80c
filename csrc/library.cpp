// Every operator's schema, in one place.
#include <torch/csrc/stable/library.h>

STABLE_TORCH_LIBRARY(ariigcn, m) {
  // Shapes: N nodes, E edges, P (target, relation) segments, G groups (modalities x heads), D
  // width, C components.
  m.def("number_speakers(Tensor lengths, Tensor speakers) -> (Tensor numbers, Tensor counts)");
  m.def(
      "window_graph(Tensor lengths, Tensor speakers, int past, int future, int num_speakers)"
      " -> (Tensor indptr, Tensor indices, Tensor etypes, Tensor eids)");
  m.def(
      "csr_plan(Tensor indptr, Tensor indices, Tensor etypes, int num_rels, int num_src,"
      " bool split) -> (Tensor plan, Tensor facts)");
  m.def("counting_sort(Tensor keys, int num_keys) -> (Tensor offsets, Tensor order)");
  m.def(
      "relational_attention(Tensor? dst_feat, Tensor src_feat, Tensor weight_dst,"
      " Tensor weight_src, Tensor score, Tensor rel_weight, Tensor? bias, Tensor? edge_weight,"
      " Tensor? seed, Tensor plan, SymInt[] sizes, int activation, float negative_slope,"
      " float dropout, bool normalise, bool gelu, bool tf32, bool keep)"
      " -> (Tensor out, Tensor alpha, Tensor u, Tensor v, Tensor pre)");
  m.def(
      "relational_attention_backward(Tensor grad_out, Tensor? grad_alpha, Tensor alpha, Tensor u,"
      " Tensor v, Tensor pre, Tensor? dst_feat, Tensor src_feat, Tensor weight_dst,"
      " Tensor weight_src, Tensor score, Tensor rel_weight, Tensor? bias, Tensor? edge_weight,"
      " Tensor? seed, Tensor plan, SymInt[] sizes, int activation, float negative_slope,"
      " float dropout, bool normalise, bool gelu, bool tf32)"
      " -> (Tensor dst_feat, Tensor src_feat, Tensor weight_dst, Tensor weight_src, Tensor score,"
      " Tensor rel_weight, Tensor bias, Tensor edge_weight)");
  m.def(
      "segment_spmm(Tensor weight, Tensor feat, Tensor plan, SymInt[] sizes, bool transpose)"
      " -> Tensor");
  m.def("segment_sddmm(Tensor left, Tensor right, Tensor plan, SymInt[] sizes) -> Tensor");
  m.def("dropout(Tensor x, Tensor seed, float p) -> Tensor");
  m.def(
      "pairwise_contrast(Tensor z, Tensor label, Tensor modality, Tensor utterance, int positives,"
      " int negatives, float temperature, float margin, bool tf32) -> Tensor");
  m.def(
      "pairwise_contrast_backward(Tensor grad, Tensor stats, Tensor z, Tensor label,"
      " Tensor modality, Tensor utterance, int positives, int negatives, float temperature,"
      " float margin, bool tf32) -> Tensor");
}
