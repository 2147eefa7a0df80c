// What the kernels of a GRU's gates read and write.
#pragma once

#include <cstdint>

namespace ariigcn {

// Rows lie `stride` elements apart.
template <typename T>
struct StridedRows {
  T* data;
  int64_t stride;

  T* operator()(int64_t row) const { return data + row * stride; }
};

// Gates are (rows, 4 width), all others (rows, width); `kept` may be null.
template <typename T>
struct GruGates {
  int64_t rows, width;
  StridedRows<T> gates;
  StridedRows<const T> state, kept;
  StridedRows<T> out;
};

template <typename T>
struct GruGatesGrad {
  int64_t rows, width;
  StridedRows<const T> grad, gates, state, kept;
  StridedRows<T> grad_gates, grad_state;
};

}  // namespace ariigcn
