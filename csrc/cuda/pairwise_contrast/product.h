// The two matrix products of the pairwise contrast by one warp, which owns 16 rows: on tensor
// cores, or by fused multiply-adds where there are none for the type. Both ways have the same
// interface: a lane holds its Share of a 16 x kColumns matrix, of which share(r, c) is at row(r),
// column(c).
#pragma once

#include <cuda_runtime_api.h>

#include <type_traits>

#include "../../numeric.h"
#include "../mma.h"
#include "../vector.h"

namespace ariigcn {

constexpr int kWarpRows = 16;
constexpr int kTile = 64;  // rows that a warp compares its own with at a time

// A slab is kTile rows of 128 bytes in shared memory; 16 more keep rows off each other's banks.
template <typename scalar_t>
constexpr int kDepth = 128 / int(sizeof(scalar_t));
template <typename scalar_t>
constexpr int kStride = kDepth<scalar_t> + kVector<scalar_t>;

template <typename scalar_t>
__device__ Vector<scalar_t> vector_of(const scalar_t* slab, int row, int k) {
  return load_vector(slab + row * kStride<scalar_t> + k, kVector<scalar_t>, true);
}

// By fused multiply-adds: a lane holds 4 rows and every 8th column.
template <typename scalar>
struct FmaProduct {
  using scalar_t = scalar;
  using value_t = acc_t<scalar_t>;
  static constexpr int kRows = 4, kLanesPerRow = 8;

  template <int kColumns>
  struct Share {
    static constexpr int kCount = kColumns / kLanesPerRow;
    value_t at[kRows][kCount] = {};
    __device__ value_t& operator()(int r, int c) { return at[r][c]; }
    __device__ value_t operator()(int r, int c) const { return at[r][c]; }
  };
  __device__ static int row(int r) { return lane() / kLanesPerRow + r * 4; }
  __device__ static int column(int c) { return lane() % kLanesPerRow + c * kLanesPerRow; }

  // Room for 16 columns of a warp's weights; rows of consecutive lanes fall on different banks.
  static constexpr int kScratchColumns = 16, kScratchStride = kScratchColumns + 8;
  using Scratch = value_t[kWarpRows * kScratchStride];

  __device__ static scalar_t staged(scalar_t x) { return x; }

  // s += left right^T, with 16 rows of one slab and all rows of another.
  __device__ static void add_similarities(const scalar_t* left, const scalar_t* right,
                                          Share<kTile>& s) {
#pragma unroll 1
    for (int k = 0; k < kDepth<scalar_t>; k += kVector<scalar_t>) {
      Vector<scalar_t> a[kRows];
#pragma unroll
      for (int r = 0; r < kRows; ++r) a[r] = vector_of(left, row(r), k);
#pragma unroll
      for (int c = 0; c < s.kCount; ++c) {
        const Vector<scalar_t> b = vector_of(right, column(c), k);
#pragma unroll
        for (int r = 0; r < kRows; ++r)
#pragma unroll
          for (int e = 0; e < kVector<scalar_t>; ++e) s(r, c) += value_t(a[r][e]) * value_t(b[e]);
      }
    }
  }

  // out += weight right, with all rows of a slab.
  __device__ static void add_weighted(const Share<kTile>& weight, const scalar_t* right,
                                      Scratch& scratch, Share<kDepth<scalar_t>>& out) {
    constexpr int kHeld = kScratchColumns / kLanesPerRow;
#pragma unroll
    for (int first = 0; first < weight.kCount; first += kHeld) {
#pragma unroll
      for (int r = 0; r < kRows; ++r)
#pragma unroll
        for (int c = 0; c < kHeld; ++c)
          scratch[row(r) * kScratchStride + column(c)] = weight(r, first + c);
      __syncwarp();
      add_rows(scratch, right + first * kLanesPerRow * kStride<scalar_t>, out);
      __syncwarp();  // the next weights overwrite these
    }
  }

 private:
  __device__ static void add_rows(const Scratch& weight, const scalar_t* right,
                                  Share<kDepth<scalar_t>>& out) {
#pragma unroll 2
    for (int j = 0; j < kScratchColumns; ++j) {
      value_t w[kRows];
#pragma unroll
      for (int r = 0; r < kRows; ++r) w[r] = weight[row(r) * kScratchStride + j];
#pragma unroll
      for (int c = 0; c < out.kCount; ++c) {
        const value_t z = value_t(right[j * kStride<scalar_t> + column(c)]);
#pragma unroll
        for (int r = 0; r < kRows; ++r) out(r, c) += w[r] * z;
      }
    }
  }
};

// On tensor cores: a lane holds what mma.h says, 2 rows and pairs of columns. Floats as tf32.
template <typename scalar>
struct MmaProduct {
  using scalar_t = scalar;
  using value_t = float;
  static constexpr int kRows = 2, kLanesPerRow = 4;

  template <int kColumns>
  struct Share {
    static constexpr int kCount = kColumns / kLanesPerRow;
    MmaC part[kColumns / 8];
    __device__ float& operator()(int r, int c) { return part[c / 2].at[r * 2 + c % 2]; }
    __device__ float operator()(int r, int c) const { return part[c / 2].at[r * 2 + c % 2]; }
  };
  __device__ static int row(int r) { return MmaC::row(r * 2); }
  __device__ static int column(int c) { return c / 2 * 8 + MmaC::column(c % 2); }

  struct Scratch {};

  __device__ static scalar_t staged(scalar_t x) {
    if constexpr (std::is_same_v<scalar_t, float>) return ptx::round_to_tf32(x);
    return x;
  }

  __device__ static void add_similarities(const scalar_t* left, const scalar_t* right,
                                          Share<kTile>& s) {
#pragma unroll
    for (int k = 0; k < kDepth<scalar_t>; k += kMmaK<scalar_t>) {
      const MmaA<scalar_t> a = load_a(left + k, kStride<scalar_t>);
#pragma unroll
      for (int c = 0; c < kTile / 16; ++c) {
        MmaB<scalar_t> b[2];
        load_b(right + c * 16 * kStride<scalar_t> + k, kStride<scalar_t>, b);
        mma(s.part[2 * c], a, b[0]);
        mma(s.part[2 * c + 1], a, b[1]);
      }
    }
  }

  // Weights span more powers of two than float16 has: with halves the product is one of tf32, which
  // holds them, and every float16, exactly enough.
  __device__ static void add_weighted(const Share<kTile>& weight, const scalar_t* right, Scratch&,
                                      Share<kDepth<scalar_t>>& out) {
    if constexpr (std::is_same_v<scalar_t, __nv_bfloat16>) {
#pragma unroll
      for (int j = 0; j < kTile / 16; ++j) {
        const auto a = to_a<scalar_t>(weight.part[2 * j], weight.part[2 * j + 1]);
#pragma unroll
        for (int c = 0; c < kDepth<scalar_t> / 16; ++c) {
          MmaB<scalar_t> b[2];
          load_b_transposed(right + j * 16 * kStride<scalar_t> + c * 16, kStride<scalar_t>, b);
          mma(out.part[2 * c], a, b[0]);
          mma(out.part[2 * c + 1], a, b[1]);
        }
      }
    } else {
#pragma unroll
      for (int j = 0; j < kTile / 8; ++j) {
        const MmaA<float> a = to_tf32_a(weight.part[j]);
#pragma unroll
        for (int c = 0; c < kDepth<scalar_t> / 8; ++c)
          mma(out.part[c], a,
              load_tf32_b(right + j * 8 * kStride<scalar_t> + c * 8, kStride<scalar_t>));
      }
    }
  }
};

// Calls `run` with a value of the way to multiply: halves on tensor cores, floats there if `tf32`.
template <typename scalar_t, typename Run>
cudaError_t with_product(bool tf32, const Run& run) {
  if constexpr (sizeof(scalar_t) == 2) return run(MmaProduct<scalar_t>{});
  if constexpr (sizeof(scalar_t) == 4)
    if (tf32) return run(MmaProduct<scalar_t>{});
  if constexpr (sizeof(scalar_t) >= 4) return run(FmaProduct<scalar_t>{});
}

// `Product` where the device has what it needs.
template <typename Product>
using Supported = std::conditional_t<kTensorCores, Product, FmaProduct<typename Product::scalar_t>>;

}  // namespace ariigcn
