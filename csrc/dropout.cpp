// Dropout as torch knows it; only the CPU has one of ours.
#include <torch/csrc/stable/library.h>

STABLE_TORCH_LIBRARY_FRAGMENT(ariigcn, m) {
  m.def("dropout(Tensor x, Tensor seed, float p) -> Tensor");
}
