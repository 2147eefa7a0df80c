// What makes graphs, as torch knows it; on the CPU.
#include <torch/csrc/stable/library.h>

STABLE_TORCH_LIBRARY_FRAGMENT(ariigcn, m) {
  m.def("number_speakers(Tensor lengths, Tensor speakers) -> (Tensor numbers, Tensor counts)");
  m.def(
      "window_graph(Tensor lengths, Tensor speakers, int past, int future, int num_speakers)"
      " -> (Tensor indptr, Tensor indices, Tensor etypes, Tensor eids)");
  m.def(
      "csr_plan(Tensor indptr, Tensor indices, Tensor etypes, SymInt num_rels, SymInt num_src,"
      " bool split) -> (Tensor plan, Tensor facts)");
  m.def(
      "edge_plan(Tensor src, Tensor dst, Tensor etypes, SymInt num_src, SymInt num_dst,"
      " SymInt num_rels) -> (Tensor order, Tensor plan, Tensor facts)");
  m.def("counting_sort(Tensor keys, SymInt num_keys) -> (Tensor offsets, Tensor order)");
}
