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

constexpr int kTile = 64;      // rows of a block, and rows that it compares them with at a time
constexpr int kWarpRows = 16;  // of the former, which a warp has

// A slab is kTile rows of 128 bytes in shared memory; 16 more keep rows off each other's banks.
template <typename scalar_t>
constexpr int kDepth = 128 / int(sizeof(scalar_t));
template <typename scalar_t>
constexpr int kStride = kDepth<scalar_t> + kVector<scalar_t>;

// Columns of a slab whose gradient a warp sums up: it has a half of them, for all pairs.
template <typename scalar_t>
constexpr int kGradColumns = kDepth<scalar_t> / 2;

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

  // Weights of a tile of pairs; rows of consecutive lanes fall on different banks.
  using weight_t = value_t;
  static constexpr int kWeightStride = kTile + kVector<weight_t>;
  static constexpr bool kScalesWeights = false;

  // Where a lane's parts of the two sides of a product begin in their slabs, and of weights, as
  // they are read and written, in theirs.
  __device__ static int left_offset() { return row(0) * kStride<scalar_t>; }
  __device__ static int right_offset() { return column(0) * kStride<scalar_t>; }
  __device__ static int weight_offset() { return row(0) * kWeightStride; }
  __device__ static int weighted_offset() { return column(0); }
  __device__ static int stored_offset() { return row(0) * kWeightStride + column(0); }

  // s += left right^T, with 16 rows of one slab and kColumns rows of another, from the offsets on.
  template <int kColumns>
  __device__ static void add_similarities(const scalar_t* left, const scalar_t* right,
                                          Share<kColumns>& s) {
#pragma unroll 1
    for (int k = 0; k < kDepth<scalar_t>; k += kVector<scalar_t>) {
      Vector<scalar_t> a[kRows];
#pragma unroll
      for (int r = 0; r < kRows; ++r) a[r] = vector_of(left, r * (row(1) - row(0)), k);
#pragma unroll
      for (int c = 0; c < s.kCount; ++c) {
        const Vector<scalar_t> b = vector_of(right, c * kLanesPerRow, k);
#pragma unroll
        for (int r = 0; r < kRows; ++r)
#pragma unroll
          for (int e = 0; e < kVector<scalar_t>; ++e) s(r, c) += value_t(a[r][e]) * value_t(b[e]);
      }
    }
  }

  template <int kColumns>
  __device__ static void store_weights(const Share<kColumns>& s, weight_t* to) {
#pragma unroll
    for (int r = 0; r < kRows; ++r)
#pragma unroll
      for (int c = 0; c < s.kCount; ++c) to[r * 4 * kWeightStride + c * kLanesPerRow] = s(r, c);
  }

  // out += weight right, with all rows of a slab; both from the offsets on.
  __device__ static void add_weighted(const weight_t* weight, const scalar_t* right,
                                      Share<kGradColumns<scalar_t>>& out) {
#pragma unroll 4
    for (int j = 0; j < kTile; ++j) {
      value_t w[kRows];
#pragma unroll
      for (int r = 0; r < kRows; ++r) w[r] = weight[r * 4 * kWeightStride + j];
#pragma unroll
      for (int c = 0; c < out.kCount; ++c) {
        const value_t z = value_t(right[j * kStride<scalar_t> + c * kLanesPerRow]);
#pragma unroll
        for (int r = 0; r < kRows; ++r) out(r, c) += w[r] * z;
      }
    }
  }
};

// On tensor cores: a lane holds what mma.h says, 2 rows and pairs of columns.
template <typename scalar, Fp32Precision precision>
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

  using weight_t = scalar_t;
  static constexpr int kWeightStride = kTile + kVector<weight_t>;
  // Weights span more powers of two than float16 has, but not than it has below their largest.
  static constexpr bool kScalesWeights = std::is_same_v<scalar_t, __half>;

  // As load_a, load_b and load_b_transposed of mma.h have them, computed once for all slabs.
  __device__ static int left_offset() {
    return lane() % 16 * kStride<scalar_t> + lane() / 16 * (kMmaK<scalar_t> / 2);
  }
  __device__ static int right_offset() {
    return (lane() % 8 + lane() / 16 * 8) * kStride<scalar_t> +
           lane() / 8 % 2 * (kMmaK<scalar_t> / 2);
  }
  __device__ static int weight_offset() {
    return lane() % 16 * kWeightStride + lane() / 16 * (kMmaK<scalar_t> / 2);
  }
  __device__ static int weighted_offset() {
    if constexpr (sizeof(scalar_t) == 2) return lane() % 16 * kStride<scalar_t> + lane() / 16 * 8;
    return lane() % 4 * kStride<scalar_t> + lane() / 4;
  }
  __device__ static int stored_offset() { return row(0) * kWeightStride + column(0); }

  template <int kColumns>
  __device__ static void add_similarities(const scalar_t* left, const scalar_t* right,
                                          Share<kColumns>& s) {
#pragma unroll
    for (int k = 0; k < kDepth<scalar_t>; k += kMmaK<scalar_t>) {
      const Left a(left + k);
#pragma unroll
      for (int c = 0; c < kColumns / 16; ++c) {
        uint32_t b[4];
        ptx::ldmatrix_x4(right + c * 16 * kStride<scalar_t> + k, b);
        a.multiply(b, &s.part[2 * c]);
      }
    }
  }

  template <int kColumns>
  __device__ static void store_weights(const Share<kColumns>& s, weight_t* to) {
#pragma unroll
    for (int r = 0; r < kRows; ++r)
#pragma unroll
      for (int c = 0; c < s.kCount; c += 2) {
        weight_t* at = to + r * 8 * kWeightStride + c * 4;
        if constexpr (sizeof(scalar_t) == 2) {
          *reinterpret_cast<uint32_t*>(at) = ptx::pack<scalar_t>(s(r, c), s(r, c + 1));
        } else {
          at[0] = s(r, c);
          at[1] = s(r, c + 1);
        }
      }
  }

  __device__ static void add_weighted(const weight_t* weight, const scalar_t* right,
                                      Share<kGradColumns<scalar_t>>& out) {
#pragma unroll
    for (int j = 0; j < kTile; j += kMmaK<scalar_t>) {
      const Left a(weight + j);
#pragma unroll
      for (int c = 0; c < kGradColumns<scalar_t> / 16; ++c) {
        const scalar_t* at = right + j * kStride<scalar_t> + c * 16;
        uint32_t b[4];
        if constexpr (sizeof(scalar_t) == 2) {
          ptx::ldmatrix_x4_trans(at, b);
        } else {
          for (int e = 0; e < 4; ++e)
            b[e] = ptx::bits(at[e % 2 * 4 * kStride<scalar_t> + e / 2 * 8]);
        }
        a.multiply(b, &out.part[2 * c]);
      }
    }
  }

 private:
  // A factor for two others.
  struct Left {
    MmaA<scalar_t> whole, rest;

    __device__ explicit Left(const scalar_t* at) {
      ptx::ldmatrix_x4(at, whole.reg);
      rest = split<precision>(whole);
    }
    __device__ void multiply(const uint32_t (&right)[4], MmaC* to) const {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        MmaB<scalar_t> b{{right[2 * half], right[2 * half + 1]}};
        const MmaB<scalar_t> b_rest = split<precision>(b);
        if constexpr (kRests<scalar_t, precision>) {
          mma(to[half], rest, b);
          mma(to[half], whole, b_rest);
        }
        mma(to[half], whole, b);
      }
    }
  };
};

// Calls `run` with a value of the way to multiply: halves on tensor cores, floats there by some
// precisions.
template <typename scalar_t, typename Run>
cudaError_t with_product(Fp32Precision precision, const Run& run) {
  using enum Fp32Precision;
  if constexpr (sizeof(scalar_t) == 2) {
    return run(MmaProduct<scalar_t, kIeee>{});
  } else {
    if constexpr (sizeof(scalar_t) == 4) {
      if (precision == kTf32) return run(MmaProduct<scalar_t, kTf32>{});
      if (precision == kTf32x3) return run(MmaProduct<scalar_t, kTf32x3>{});
    }
    return run(FmaProduct<scalar_t>{});
  }
}

// `Product` where the device has what it needs.
template <typename Product>
using Supported = std::conditional_t<kTensorCores, Product, FmaProduct<typename Product::scalar_t>>;

}  // namespace ariigcn
