// The gates of a GRU's cell, one step of it, as torch knows them; only the CPU has ours. A row of
// gates is r, z, n, u: arguments before, values after. u is what the state adds to n's argument
// where it is reset: n = tanh(n + r u), and the new state is kept (n + z (state - n)).
#include <torch/csrc/stable/library.h>

STABLE_TORCH_LIBRARY_FRAGMENT(ariigcn, m) {
  m.def("gru_gates(Tensor(a!) gates, Tensor state, Tensor? kept, Tensor(b!) out) -> ()");
  // Gradients of the arguments, in the same order, and of the state but for what it adds to gates.
  m.def(
      "gru_gates_backward(Tensor grad, Tensor gates, Tensor state, Tensor? kept,"
      " Tensor(a!) grad_gates, Tensor(b!) grad_state) -> ()");
}
