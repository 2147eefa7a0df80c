// Products of few rows with one matrix, again and again, as torch knows them; only the CPU has
// ours. A packed matrix is (panels of columns, one after the other) what the kernels read in order.
#include <torch/csrc/stable/library.h>

STABLE_TORCH_LIBRARY_FRAGMENT(ariigcn, m) {
  // Of `matrix` or, if `transposed`, of its transpose.
  m.def("pack_matrix(Tensor matrix, bool transposed) -> Tensor");
  // out += x . the packed matrix
  m.def("add_packed_product(Tensor(a!) out, Tensor x, Tensor packed) -> ()");
  // out = the sum over rows of left (x) right
  m.def("outer_product(Tensor(a!) out, Tensor left, Tensor right) -> ()");
}
