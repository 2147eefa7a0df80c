// Products with a matrix that is packed once for all of them, and the sum of outer products that is
// its gradient. What an element of a result is does not depend on the number of threads.
#pragma once

#include "gemm.h"
#include "parallel.h"

namespace ariigcn::ARIIGCN_ISA {

template <typename T>
void pack_matrix(const PackMatrix<T>& in) {
  const Matrix<T> matrix{in.data, in.stride, in.depth, in.width, in.transposed};
  run_tasks(ceil_div(in.width, kPanel<T>), [&] {
    return [&](int64_t t) {
      const int64_t n0 = t * kPanel<T>;
      pack(matrix, n0, std::min(kPanel<T>, in.width - n0), in.packed + n0 * in.depth);
    };
  });
}

// A tile of rows times a panel, added to `out`. Meanwhile part of the next panel is fetched, a line
// with each row of this one: the matrix comes from the third cache, which alone would take as long
// as one of five tiles.
template <typename T, int rows, int vectors>
__attribute__((noinline)) void packed_tile(int64_t depth, const T* x, int64_t x_stride,
                                           const T* panel, int64_t width, const T* next, T* out,
                                           int64_t out_stride) {
  constexpr int64_t line = 64 / sizeof(T);
  Tile<T, rows, vectors> product;
  product.multiply(
      depth, [&](int i, int64_t k) { return x[i * x_stride + k]; }, panel, vectors * kLanes<T>,
      [&](int64_t k) { __builtin_prefetch(next + k * line, 0, 2); });
  product.write([&](int i) { return out + i * out_stride; }, width, true);
}

// A panel's depth is not cut: 500 or 1500 rows of 64 columns stay in the second cache for all tiles
// of rows, and the sums in registers.
template <typename T>
void packed_product(const PackedProduct<T>& in) {
  constexpr int64_t line = 64 / sizeof(T);
  run_tasks(ceil_div(in.width, kPanel<T>), [&] {
    return [&](int64_t t) {
      const int64_t n0 = t * kPanel<T>, width = std::min(kPanel<T>, in.width - n0);
      const T* panel = in.packed + n0 * in.depth;
      const T* next = panel + round_to_lanes<T>(width) * in.depth;
      with_vectors<T>(width, [&](auto vectors) {
        for (int64_t m = 0; m < in.rows; m += kTileRows, next += in.depth * line)
          with_constant<kTileRows>(std::min<int64_t>(kTileRows, in.rows - m), [&](auto rows) {
            packed_tile<T, rows.value, vectors.value>(
                in.depth, in.x + m * in.x_stride, in.x_stride, panel, width, next,
                in.out + m * in.out_stride + n0, in.out_stride);
          });
      });
    };
  });
}

// Rows of `right` that are packed at once: of 500 columns, a quarter of a MB, half a second cache.
constexpr int64_t kOuterRows = 128;
constexpr int64_t kTilesPerTask = 10;

template <typename T>
void outer_product(const OuterProduct<T>& in) {
  for (int64_t m = 0; m < in.height && in.rows == 0; ++m)
    std::fill_n(in.out + m * in.out_stride, in.width, T(0));
  const Buffer<T> packed(kOuterRows * round_to_lanes<T>(in.width));
  for (int64_t first = 0; first < in.rows; first += kOuterRows) {
    const int64_t depth = std::min(kOuterRows, in.rows - first);
    pack_matrix<T>(
        {in.right + first * in.right_stride, in.right_stride, depth, in.width, false, packed});
    const T* left[kOuterRows];
    for (int64_t k = 0; k < depth; ++k) left[k] = in.left + (first + k) * in.left_stride;
    run_ranges(in.height, kTilesPerTask * kTileRows, [&](int64_t begin, int64_t end) {
      for (int64_t m = begin; m < end; m += kTileRows) {
        const int64_t rows = std::min<int64_t>(kTileRows, end - m);
        for (int64_t n0 = 0; n0 < in.width; n0 += kPanel<T>) {
          const int64_t width = std::min(kPanel<T>, in.width - n0);
          T* to[kTileRows];
          for (int64_t i = 0; i < rows; ++i) to[i] = in.out + (m + i) * in.out_stride + n0;
          run_tile<T, true>(rows, depth, left, m, packed + n0 * depth, round_to_lanes<T>(width),
                            width, to, first > 0);
        }
      }
    });
  }
}

}  // namespace ariigcn::ARIIGCN_ISA
