// Matrix products over lists of rows: B is packed a panel of columns at a time, a tile of rows
// stays in registers. What one row of the result is does not depend on the rows beside it.
#pragma once

#include "pack.h"

namespace ariigcn::ARIIGCN_ISA {

constexpr int kTileRows = 6;

// Calls `body` with an integral constant equal to `count`, for 0 < count <= most.
template <int most, typename Body>
inline void with_constant(int64_t count, const Body& body) {
  if constexpr (most > 0) {
    if (count == most)
      body(std::integral_constant<int, most>{});
    else
      with_constant<most - 1>(count, body);
  }
}

// The same for how many vectors hold `width` <= kPanel columns.
template <typename T, typename Body>
inline void with_vectors(int64_t width, const Body& body) {
  with_constant<kPanelVectors>(ceil_div(width, kLanes<T>), body);
}

// A tile of the product; `left(m, k)` is read once per k and row, `ahead(k)` called once per k.
template <typename T, int rows, int vectors>
struct Tile {
  vec<T> sum[rows][vectors] = {};

  template <typename Left, typename Ahead>
  inline void multiply(int64_t depth, const Left& left, const T* panel, int64_t pitch,
                       const Ahead& ahead) {
    for (int64_t k = 0; k < depth; ++k, panel += pitch) {
      ahead(k);
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

  // Writes the tile to rows out(m), or adds it to what they hold.
  template <typename Out>
  inline void write(const Out& out, int64_t width, bool add) const {
    const int64_t last = width - (vectors - 1) * kLanes<T>;
#pragma GCC unroll 8
    for (int m = 0; m < rows; ++m) {
      T* row = out(m);
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) {
        T* to = row + v * kLanes<T>;
        if (v + 1 < vectors || last == kLanes<T>)
          store(to, add ? load(to) + sum[m][v] : sum[m][v]);
        else
          store_part(to, add ? load_part(to, last) + sum[m][v] : sum[m][v], last);
      }
    }
  }
};

// A tile for rows or, if `outer`, columns of the left side. Not inlined: one copy serves all.
template <typename T, int rows, int vectors, bool outer>
__attribute__((noinline)) void tile_kernel(int64_t depth, const T* const* left, int64_t offset,
                                           const T* panel, int64_t pitch, int64_t width,
                                           T* const* out, bool add) {
  Tile<T, rows, vectors> product;
  const auto nothing = [](int64_t) {};
  if constexpr (outer) {
    product.multiply(
        depth, [&](int i, int64_t k) { return left[k][offset + i]; }, panel, pitch, nothing);
  } else {
    const T* row[rows];
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i) row[i] = left[i];
    product.multiply(depth, [&](int i, int64_t k) { return row[i][k]; }, panel, pitch, nothing);
  }
  product.write([&](int i) { return out[i]; }, width, add);
}

template <typename T, bool outer>
inline void run_tile(int64_t rows, int64_t depth, const T* const* left, int64_t offset,
                     const T* panel, int64_t pitch, int64_t width, T* const* out, bool add) {
  with_vectors<T>(width, [&](auto vectors) {
    with_constant<kTileRows>(rows, [&](auto m) {
      tile_kernel<T, m.value, vectors.value, outer>(depth, left, offset, panel, pitch, width, out,
                                                    add);
    });
  });
}

// Rows out(m) (+)= row left(m) . panel for m < count. `meanwhile(m)` is called once per tile.
template <typename T, typename Left, typename Out, typename Meanwhile>
inline void multiply_panel(int64_t count, int64_t depth, const Left& left, const T* panel,
                           int64_t pitch, int64_t width, const Out& out, bool add,
                           const Meanwhile& meanwhile) {
  for (int64_t m = 0; m < count; m += kTileRows) {
    const int64_t rows = std::min<int64_t>(kTileRows, count - m);
    const T* from[kTileRows];
    T* to[kTileRows];
    for (int64_t i = 0; i < rows; ++i) {
      from[i] = left(m + i);
      to[i] = out(m + i);
    }
    meanwhile(m);
    run_tile<T, false>(rows, depth, from, 0, panel, pitch, width, to, add);
  }
}

// Rows of B that are packed at once: a panel of them fits into the nearest caches.
constexpr int64_t kDepth = 128;

template <typename T>
inline int64_t panel_size(int64_t depth) {
  return std::min(kDepth, depth) * kPanel<T>;
}

// Asks for part `step` of `steps` of the panel at n0 ahead of its packing.
template <typename T>
inline void prefetch_panel(const Matrix<T>& b, int64_t n0, int64_t step, int64_t steps) {
  if (n0 >= b.width) return;
  constexpr int64_t line = 64 / sizeof(T);
  const int64_t width = std::min(kPanel<T>, b.width - n0);
  const int64_t rows = b.transposed ? width : b.depth;
  const int64_t lines = ceil_div(b.transposed ? b.depth : width, line);
  const T* corner = b.data + (b.transposed ? n0 * b.stride : n0);
  for (int64_t r = rows * step / steps; r < rows * (step + 1) / steps; ++r)
    for (int64_t l = 0; l < lines; ++l) __builtin_prefetch(corner + r * b.stride + l * line, 0, 2);
}

// Rows out(m) (+)= row left(m) . B for m < count, in columns n0 .. of one panel, which `panel`
// has room for. Few rows read B where it lies.
template <typename T, typename Left, typename Out>
inline void multiply_rows(const Matrix<T>& b, int64_t n0, int64_t count, const Left& left,
                          const Out& out, bool add, T* panel) {
  const int64_t width = std::min(kPanel<T>, b.width - n0), tiles = ceil_div(count, kTileRows);
  const bool direct = !b.transposed && tiles <= 2 && width % kLanes<T> == 0;
  for (int64_t k = 0; k < b.depth && count > 0; k += kDepth, add = true) {
    const Matrix<T> part{b.data + k * (b.transposed ? 1 : b.stride), b.stride,
                         std::min(kDepth, b.depth - k), b.width, b.transposed};
    if (!direct) pack(part, n0, width, panel);
    multiply_panel<T>(
        count, part.depth, [&](int64_t m) { return left(m) + k; }, direct ? part.data + n0 : panel,
        direct ? b.stride : round_to_lanes<T>(width), width, [&](int64_t m) { return out(m) + n0; },
        add, [&](int64_t m) { prefetch_panel(part, n0 + kPanel<T>, m / kTileRows, tiles); });
  }
}

// Rows of the outer products that are summed before they reach memory.
constexpr int64_t kOuterDepth = 64;

// out (rows x width) (+)= the sum of left(k)[0:rows] (x) right(k)[0:width] over k < count, in that
// order. `panel` has kOuterDepth * kPanel elements.
template <typename T, typename Left, typename Right>
inline void multiply_outer(int64_t count, const Left& left, const Right& right, int64_t rows,
                           int64_t width, T* out, int64_t stride, bool add, T* panel) {
  for (int64_t m = 0; m < rows && count == 0 && !add; ++m)
    std::fill_n(out + m * stride, width, T(0));
  for (int64_t first = 0; first < count; first += kOuterDepth, add = true) {
    const int64_t depth = std::min(kOuterDepth, count - first);
    const T* column[kOuterDepth];
    for (int64_t k = 0; k < depth; ++k) column[k] = left(first + k);
    for (int64_t n0 = 0; n0 < width; n0 += kPanel<T>) {
      const int64_t columns = std::min(kPanel<T>, width - n0);
      for (int64_t k = 0; k < depth; ++k)
        pack_rows<T>({right(first + k), 0, 1, width, false}, n0, columns,
                     panel + k * round_to_lanes<T>(columns));
      for (int64_t m = 0; m < rows; m += kTileRows) {
        T* to[kTileRows];
        for (int i = 0; i < kTileRows; ++i) to[i] = out + (m + i) * stride + n0;
        run_tile<T, true>(std::min<int64_t>(kTileRows, rows - m), depth, column, m, panel,
                          round_to_lanes<T>(columns), columns, to, add);
      }
    }
  }
}

}  // namespace ariigcn::ARIIGCN_ISA
