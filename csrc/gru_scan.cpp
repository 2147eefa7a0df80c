// The recurrence of a GRU as torch knows it. `rows` say which row of the inputs a sequence reads at
// a time step (-1: none, behind its end). `states` and `gates` (r, z, n and U_n h + b_n) are for
// backward, which returns the gradients of the inputs and of what the state adds to the gates.
#include <torch/csrc/stable/library.h>

STABLE_TORCH_LIBRARY_FRAGMENT(ariigcn, m) {
  m.def(
      "gru_scan(Tensor inputs, Tensor rows, Tensor weight, Tensor bias)"
      " -> (Tensor out, Tensor states, Tensor gates)");
  m.def(
      "gru_scan_backward(Tensor grad, Tensor rows, Tensor states, Tensor gates, Tensor weight)"
      " -> (Tensor grad_inputs, Tensor recurrent)");
}
