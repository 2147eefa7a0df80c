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

// One panel's depth is not cut: 64 columns of it stay in the second cache for all tiles of rows,
// and the sums stay in registers.
template <typename T>
void packed_product(const PackedProduct<T>& in) {
  run_tasks(ceil_div(in.width, kPanel<T>), [&] {
    return [&](int64_t t) {
      const int64_t n0 = t * kPanel<T>, width = std::min(kPanel<T>, in.width - n0);
      multiply_panel<T>(
          in.rows, in.depth, [&](int64_t m) { return in.x + m * in.x_stride; },
          in.packed + n0 * in.depth, round_to_lanes<T>(width), width,
          [&](int64_t m) { return in.out + m * in.out_stride + n0; }, true, [](int64_t) {});
    };
  });
}

// Rows of `right` that are packed at once: of 500 columns, a quarter of a MB, half a second cache.
constexpr int64_t kOuterRows = 128;
constexpr int64_t kTilesPerTask = 10;

template <typename T>
void outer_product(const OuterProduct<T>& in) {
  if (in.rows == 0) std::fill_n(in.out, in.height * in.width, T(0));
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
          for (int64_t i = 0; i < rows; ++i) to[i] = in.out + (m + i) * in.width + n0;
          run_tile<T, true>(rows, depth, left, m, packed + n0 * depth, round_to_lanes<T>(width),
                            width, to, first > 0);
        }
      }
    });
  }
}

}  // namespace ariigcn::ARIIGCN_ISA
