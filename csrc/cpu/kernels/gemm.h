// Matrix products over lists of rows: B is packed a panel of columns at a time, a tile of rows
// stays in registers. What one row of the result is does not depend on the rows beside it.
#pragma once

#include "simd.h"

namespace ariigcn::ARIIGCN_ISA {

constexpr int kTileRows = 6;
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
inline int64_t panels(int64_t width) {
  return (width + kPanel<T> - 1) / kPanel<T>;
}
template <typename T>
inline int64_t round_to_lanes(int64_t width) {
  return (width + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
}

// Calls `body` with an integral constant: how many vectors hold `width` <= kPanel columns.
template <typename T, int vectors = 1, typename Body>
inline void with_vectors(int64_t width, const Body& body) {
  if constexpr (vectors == kPanelVectors)
    body(std::integral_constant<int, vectors>{});
  else if (width <= vectors * kLanes<T>)
    body(std::integral_constant<int, vectors>{});
  else
    with_vectors<T, vectors + 1>(width, body);
}

// Rows 2i and 2i + 1 of the result interleave rows i and i + lanes / 2; log2(lanes) times, this
// transposes.
template <typename T, int... lane>
inline void transpose_lanes(vec<T>* rows, std::integer_sequence<int, lane...>) {
  constexpr int lanes = kLanes<T>, half = lanes / 2;
#pragma GCC unroll 4
  for (int step = 1; step < lanes; step *= 2) {
    vec<T> next[lanes];
#pragma GCC unroll 16
    for (int i = 0; i < half; ++i) {
      next[2 * i] =
          __builtin_shufflevector(rows[i], rows[i + half], (lane / 2 + lane % 2 * lanes)...);
      next[2 * i + 1] =
          __builtin_shufflevector(rows[i], rows[i + half], (half + lane / 2 + lane % 2 * lanes)...);
    }
#pragma GCC unroll 16
    for (int i = 0; i < lanes; ++i) rows[i] = next[i];
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
      transpose_lanes<T>(tile, std::make_integer_sequence<int, lanes>{});
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

// A tile of the product; `left(m, k)` is read once per k and row.
template <typename T, int rows, int vectors>
struct Tile {
  vec<T> sum[rows][vectors] = {};

  template <typename Left>
  inline void multiply(int64_t depth, const Left& left, const T* panel) {
    for (int64_t k = 0; k < depth; ++k, panel += vectors * kLanes<T>) {
      vec<T> right[vectors];
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) right[v] = load(panel + v * kLanes<T>);
#pragma GCC unroll 8
      for (int m = 0; m < rows; ++m) {
        const T x = left(m, k);
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) sum[m][v] += x * right[v];
      }
    }
  }

  template <typename Out>
  inline void add_to(const Out& out, int64_t width) const {
    const int64_t last = width - (vectors - 1) * kLanes<T>;
#pragma GCC unroll 8
    for (int m = 0; m < rows; ++m) {
      T* row = out(m);
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) {
        T* to = row + v * kLanes<T>;
        if (v + 1 < vectors || last == kLanes<T>)
          store(to, load(to) + sum[m][v]);
        else
          store_part(to, load_part(to, last) + sum[m][v], last);
      }
    }
  }
};

// out(m) += left row m . panel, for m < count.
template <typename T, int vectors, int rows, typename Left, typename Out>
inline void add_tile(int64_t m, int64_t depth, const Left& left, const T* panel, int64_t width,
                     const Out& out) {
  const T* row[rows];
#pragma GCC unroll 8
  for (int i = 0; i < rows; ++i) row[i] = left(m + i);
  Tile<T, rows, vectors> tile;
  tile.multiply(depth, [&](int i, int64_t k) { return row[i][k]; }, panel);
  tile.add_to([&](int i) { return out(m + i); }, width);
}
template <typename T, int vectors, int rows, typename... Arguments>
inline void add_rest(int64_t rest, Arguments&&... arguments) {
  if constexpr (rows > 0) {
    if (rest == rows)
      add_tile<T, vectors, rows>(arguments...);
    else
      add_rest<T, vectors, rows - 1>(rest, arguments...);
  }
}
template <typename T, typename Left, typename Out>
inline void add_product(int64_t count, int64_t depth, const Left& left, const T* panel,
                        int64_t width, const Out& out) {
  with_vectors<T>(width, [&](auto vectors) {
    int64_t m = 0;
    for (; m + kTileRows <= count; m += kTileRows)
      add_tile<T, vectors.value, kTileRows>(m, depth, left, panel, width, out);
    add_rest<T, vectors.value, kTileRows - 1>(count - m, m, depth, left, panel, width, out);
  });
}

}  // namespace ariigcn::ARIIGCN_ISA
