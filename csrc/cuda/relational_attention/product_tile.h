// One 64 x 64 tile of a matrix product by a block of 128 threads: operands pass through shared
// memory, 128 bytes of depth at a time, and the sums stay in registers. Two ways to multiply: with
// fused multiply-adds, or on tensor cores.
#pragma once

#include <type_traits>

#include "../../numeric.h"
#include "../mma.h"
#include "../vector.h"

namespace ariigcn {

constexpr int kTileThreads = 128;
constexpr int kTileSide = 64;
template <typename scalar_t>
constexpr int kTileDepth = 128 / int(sizeof(scalar_t));

// One operand's part of a step, stored as it lies in memory: rows along the depth (one for each of
// the 64 results), or rows along the side (one for each index that is summed over).
template <typename scalar_t, bool kAlongDepth>
struct Operand {
  static constexpr int kWidth = kAlongDepth ? kTileDepth<scalar_t> : kTileSide;
  static constexpr int kStride = kWidth + kVector<scalar_t>;  // spreads rows over the banks
  static constexpr int kPerRow = kWidth / kVector<scalar_t>;
  static constexpr int kPerThread = 4;  // vectors
  static constexpr int kRows = kPerThread * kTileThreads / kPerRow;
  using Tile = Vector<scalar_t>[kRows * kStride / kVector<scalar_t>];

  Vector<scalar_t> held[kPerThread];

  // `from(row, column)` is the vector at a place of the tile.
  template <typename From>
  __device__ void fetch(const From& from) {
#pragma unroll
    for (int i = 0; i < kPerThread; ++i) {
      const int v = int(threadIdx.x) + i * kTileThreads;
      held[i] = from(v / kPerRow, v % kPerRow * kVector<scalar_t>);
    }
  }
  __device__ void store(Tile& tile, bool to_tf32) const {
#pragma unroll
    for (int i = 0; i < kPerThread; ++i) {
      const int v = int(threadIdx.x) + i * kTileThreads;
      Vector<scalar_t>& to = tile[v / kPerRow * (kStride / kVector<scalar_t>)+v % kPerRow];
      to = held[i];
      if constexpr (std::is_same_v<scalar_t, float>)
        for (int k = 0; k < kVector<float> && to_tf32; ++k) to.set(k, ptx::round_to_tf32(to[k]));
    }
  }
};

// A thread owns 8 rows and 4 columns.
template <typename scalar_t, bool kADepth, bool kBDepth>
struct FmaTile {
  static constexpr bool kTf32 = false;
  using acc = acc_t<scalar_t>;
  using A = Operand<scalar_t, kADepth>;
  using B = Operand<scalar_t, kBDepth>;
  acc sum[8][4] = {};

  // Neighbouring threads read neighbouring rows of a tile, or neighbouring elements of a row.
  __device__ static int row(int i) {
    return kADepth ? int(threadIdx.x) / 16 + 8 * i : int(threadIdx.x) / 16 * 8 + i;
  }
  __device__ static int column(int j) {
    return kBDepth ? int(threadIdx.x) % 16 + 16 * j : int(threadIdx.x) % 16 * 4 + j;
  }

  __device__ void add(const scalar_t* a, const scalar_t* b) {
#pragma unroll 2
    for (int k = 0; k < kTileDepth<scalar_t>; ++k) {
      acc left[8], right[4];
#pragma unroll
      for (int i = 0; i < 8; ++i)
        left[i] = acc(kADepth ? a[row(i) * A::kStride + k] : a[k * A::kStride + row(i)]);
#pragma unroll
      for (int j = 0; j < 4; ++j)
        right[j] = acc(kBDepth ? b[column(j) * B::kStride + k] : b[k * B::kStride + column(j)]);
#pragma unroll
      for (int i = 0; i < 8; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j) sum[i][j] += left[i] * right[j];
    }
  }

  template <typename Visit>
  __device__ void each(const Visit& visit) const {
#pragma unroll
    for (int i = 0; i < 8; ++i)
#pragma unroll
      for (int j = 0; j < 4; ++j) visit(row(i), column(j), sum[i][j]);
  }
};

// A warp owns a quarter, 32 x 32.
template <typename scalar_t, bool kADepth, bool kBDepth>
struct MmaTile {
  static constexpr bool kTf32 = std::is_same_v<scalar_t, float>;
  using acc = float;
  using A = Operand<scalar_t, kADepth>;
  using B = Operand<scalar_t, kBDepth>;
  MmaC sum[2][4];

  __device__ static int first_row() { return int(threadIdx.x) / 64 * 32; }
  __device__ static int first_column() { return int(threadIdx.x) / 32 % 2 * 32; }

  __device__ void add(const scalar_t* a, const scalar_t* b) {
#pragma unroll
    for (int k = 0; k < kTileDepth<scalar_t>; k += kMmaK<scalar_t>) {
      MmaA<scalar_t> left[2];
      MmaB<scalar_t> right[2][2];
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        const int m = first_row() + 16 * i;
        left[i] = kADepth ? load_a(a + m * A::kStride + k, A::kStride)
                          : load_a_transposed(a + k * A::kStride + m, A::kStride);
      }
#pragma unroll
      for (int j = 0; j < 2; ++j) {
        const int n = first_column() + 16 * j;
        if constexpr (kBDepth)
          load_b(b + n * B::kStride + k, B::kStride, right[j]);
        else
          load_b_transposed(b + k * B::kStride + n, B::kStride, right[j]);
      }
#pragma unroll
      for (int i = 0; i < 2; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j) mma(sum[i][j], left[i], right[j / 2][j % 2]);
    }
  }

  template <typename Visit>
  __device__ void each(const Visit& visit) const {
#pragma unroll
    for (int i = 0; i < 2; ++i)
#pragma unroll
      for (int j = 0; j < 4; ++j)
#pragma unroll
        for (int e = 0; e < 4; ++e)
          visit(first_row() + 16 * i + MmaC::row(e), first_column() + 8 * j + MmaC::column(e),
                sum[i][j].at[e]);
  }
};

// Tensor cores where the device has them and they compute what is asked for: floats only as tf32.
template <typename scalar_t, bool kTensor, bool kADepth, bool kBDepth>
using ProductTile = std::conditional_t<kTensor && kTensorCores, MmaTile<scalar_t, kADepth, kBDepth>,
                                       FmaTile<scalar_t, kADepth, kBDepth>>;

// The shared memory of a product: the operands of a step, and then the result, so that it is
// written a row at a time.
template <typename Product>
struct ProductMemory {
  static constexpr int kStride = kTileSide + 4;
  struct Step {
    typename Product::A::Tile a;
    typename Product::B::Tile b;
  };
  union {
    Step step;
    typename Product::acc result[kTileSide * kStride];
  };

  // Calls visit(row, column, sum) for every sum of the tile; a warp walks along rows.
  template <typename Visit>
  __device__ void each(const Product& product, const Visit& visit) {
    product.each([&](int row, int column, auto sum) { result[row * kStride + column] = sum; });
    __syncthreads();
#pragma unroll 2
    for (int i = int(threadIdx.x); i < kTileSide * kTileSide; i += kTileThreads)
      visit(i / kTileSide, i % kTileSide, result[i / kTileSide * kStride + i % kTileSide]);
    __syncthreads();
  }
};

}  // namespace ariigcn
