// A matrix as the products read it: panels of a few columns, row after row, without gaps.
#pragma once

#include "simd.h"

namespace ariigcn::ARIIGCN_ISA {

constexpr int kPanelVectors = ARIIGCN_VECTOR_BYTES == 64 ? 4 : 2;
template <typename T>
constexpr int64_t kPanel = kPanelVectors * kLanes<T>;

// Entry (k, n) is data[k * stride + n], or data[n * stride + k] if transposed.
template <typename T>
struct Matrix {
  const T* data;
  int64_t stride, depth, width;
  bool transposed;
};

template <typename T>
inline int64_t round_to_lanes(int64_t width) {
  return ceil_div(width, kLanes<T>) * kLanes<T>;
}

// Rows 2i and 2i + 1 of the result interleave rows i and i + count / 2; log2(count) times, this
// puts side by side what lay in different rows, and transposes where there are as many rows as
// lanes.
template <typename T, int count, int... lane>
inline void interleave_vectors(vec<T>* rows, std::integer_sequence<int, lane...>) {
  constexpr int lanes = kLanes<T>, half = count / 2;
#pragma GCC unroll 4
  for (int step = 1; step < count; step *= 2) {
    vec<T> next[count];
#pragma GCC unroll 8
    for (int i = 0; i < half; ++i) {
      next[2 * i] =
          __builtin_shufflevector(rows[i], rows[i + half], (lane / 2 + lane % 2 * lanes)...);
      next[2 * i + 1] = __builtin_shufflevector(rows[i], rows[i + half],
                                                (lane / 2 + lanes / 2 + lane % 2 * lanes)...);
    }
#pragma GCC unroll 16
    for (int i = 0; i < count; ++i) rows[i] = next[i];
  }
}

// Panel row k holds columns n0.. of B's row k, filled up with zeros to whole vectors.
template <typename T>
inline void pack_rows(const Matrix<T>& b, int64_t n0, int64_t width, T* panel) {
  const int64_t pitch = round_to_lanes<T>(width);
  for (int64_t k = 0; k < b.depth; ++k) {
    const T* from = b.data + k * b.stride + n0;
    T* to = panel + k * pitch;
    int64_t n = 0;
    for (; n + kLanes<T> <= width; n += kLanes<T>) store(to + n, load(from + n));
    if (n < width) store(to + n, load_part(from + n, width - n));
  }
}
template <typename T>
inline void pack_columns(const Matrix<T>& b, int64_t n0, int64_t width, T* panel) {
  constexpr int lanes = kLanes<T>;
  const int64_t pitch = round_to_lanes<T>(width);
  for (int64_t k = 0; k < b.depth; k += lanes) {
    const int64_t deep = std::min<int64_t>(lanes, b.depth - k);
    for (int64_t n = 0; n < pitch; n += lanes) {
      vec<T> tile[lanes];
#pragma GCC unroll 16
      for (int i = 0; i < lanes; ++i) {
        const T* from = b.data + (n0 + n + i) * b.stride + k;
        tile[i] = n + i >= width ? vec<T>{} : deep == lanes ? load(from) : load_part(from, deep);
      }
      interleave_vectors<T, lanes>(tile, std::make_integer_sequence<int, lanes>{});
#pragma GCC unroll 16
      for (int i = 0; i < lanes; ++i)
        if (i < deep) store(panel + (k + i) * pitch + n, tile[i]);
    }
  }
}
template <typename T>
inline void pack(const Matrix<T>& b, int64_t n0, int64_t width, T* panel) {
  b.transposed ? pack_columns(b, n0, width, panel) : pack_rows(b, n0, width, panel);
}

}  // namespace ariigcn::ARIIGCN_ISA
