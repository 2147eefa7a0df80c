// Dot products with, and weighted sums of, the rows of each table in a batch, as torch knows them;
// only the CPU has ours.
#include <torch/csrc/stable/library.h>

STABLE_TORCH_LIBRARY_FRAGMENT(ariigcn, m) {
  // out[b, k] = tables[b, k] . vectors[b]
  m.def("row_dots(Tensor tables, Tensor vectors) -> Tensor");
  // out[b] += sum over k of weights[b, k] tables[b, k]
  m.def("add_row_sums(Tensor(a!) out, Tensor weights, Tensor tables) -> ()");
}
