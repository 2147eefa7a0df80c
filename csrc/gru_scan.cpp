// The recurrence of a GRU as torch knows it. `states` are T + 1: zeros, and after each step;
// `gates` are r, z, n and U_n h + b_n, for backward, which returns the gradients of the three
// gates' arguments as the state enters them, and of n's alone.
#include <torch/csrc/stable/library.h>

STABLE_TORCH_LIBRARY_FRAGMENT(ariigcn, m) {
  m.def("gru_scan(Tensor inputs, Tensor weight, Tensor bias) -> (Tensor states, Tensor gates)");
  m.def(
      "gru_scan_backward(Tensor grad, Tensor states, Tensor gates, Tensor weight)"
      " -> (Tensor recurrent, Tensor grad_new)");
}
