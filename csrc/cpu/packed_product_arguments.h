// What the products with packed matrices read and write. Rows lie `stride` elements apart.
#pragma once

#include <cstdint>

namespace ariigcn {

template <typename T>
struct PackMatrix {
  const T* data;
  int64_t stride, depth, width;
  bool transposed;
  T* packed;
};

// out (rows, width) += x (rows, depth) . packed
template <typename T>
struct PackedProduct {
  int64_t rows, depth, width;
  const T* x;
  int64_t x_stride;
  const T* packed;
  T* out;
  int64_t out_stride;
};

// out (height, width) = left (rows, height), transposed, . right (rows, width)
template <typename T>
struct OuterProduct {
  int64_t rows, height, width;
  const T* left;
  int64_t left_stride;
  const T* right;
  int64_t right_stride;
  T* out;
  int64_t out_stride;
};

}  // namespace ariigcn
