// The segment operators as torch knows them; `plan` and `sizes` are those of a graph
// (graph_plan.h).
#include <torch/csrc/stable/library.h>

STABLE_TORCH_LIBRARY_FRAGMENT(ariigcn, m) {
  m.def(
      "segment_spmm(Tensor weight, Tensor feat, Tensor plan, SymInt[] sizes, bool transpose)"
      " -> Tensor");
  m.def("segment_sddmm(Tensor left, Tensor right, Tensor plan, SymInt[] sizes) -> Tensor");
}
