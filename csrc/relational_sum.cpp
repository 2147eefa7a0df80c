// The relational sum as torch knows it: G groups; `plan` and `sizes` are those of a graph
// (graph_plan.h). Elsewhere than on the CPU it is composed of other operators.
#include <torch/csrc/stable/library.h>

STABLE_TORCH_LIBRARY_FRAGMENT(ariigcn, m) {
  m.def(
      "relational_sum(Tensor edge_weight, Tensor feat, Tensor rel_weight, Tensor plan,"
      " SymInt[] sizes) -> Tensor");
  m.def(
      "relational_sum_backward(Tensor grad, Tensor edge_weight, Tensor feat, Tensor rel_weight,"
      " Tensor plan, SymInt[] sizes) -> (Tensor edge_weight, Tensor feat, Tensor rel_weight)");
}
