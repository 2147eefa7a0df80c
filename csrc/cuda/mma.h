// Products of small matrices by one warp on tensor cores (sm_80 and later): C += A B, where A is
// 16 x K, B is K x 8 and a row of K elements takes 32 bytes: K = kMmaK is 16 halves or 8 floats.
// Floats are multiplied as tf32, of which only the first 10 bits of the mantissa count.
//
// All lanes of a warp call each function together, with the same arguments. Tiles lie in shared
// memory; a row of halves, and of floats where the tile is not transposed, starts at a multiple of
// 16 bytes. Rows whose `stride` is an odd multiple of 16 bytes do not collide in the banks, and of
// transposed floats those whose stride is an odd multiple of 32.
#pragma once

#include <cstdint>
#include <type_traits>

#include "../fp32_precision.h"

#ifdef __CUDACC__
#include "mma_ptx.h"
#else
#include <mma_ptx.h>  // of the emulator
#endif
#include "warp.h"

namespace ariigcn {

template <typename scalar_t>
constexpr int kMmaK = 32 / int(sizeof(scalar_t));

// A warp's share of A, B and C. Lane t holds, where `r = t / 4` and `q = t % 4`:
// of A the 4 bytes at 4 q of rows r and r + 8, then those at 16 + 4 q;
// of B the 4 bytes at 4 q, then those at 16 + 4 q, of column r;
// of C the columns 2 q and 2 q + 1 of row r, then of row r + 8.
template <typename scalar_t>
struct MmaA {
  uint32_t reg[4];
};
template <typename scalar_t>
struct MmaB {
  uint32_t reg[2];
};
struct MmaC {
  float at[4] = {};

  __device__ static int row(int element) { return lane() / 4 + element / 2 * 8; }
  __device__ static int column(int element) { return lane() % 4 * 2 + element % 2; }
};

// A[i][k] = tile[i * stride + k].
template <typename scalar_t>
__device__ MmaA<scalar_t> load_a(const scalar_t* tile, int stride) {
  const int l = lane();
  MmaA<scalar_t> a;
  ptx::ldmatrix_x4(tile + l % 16 * stride + l / 16 * (kMmaK<scalar_t> / 2), a.reg);
  return a;
}

// A[i][k] = tile[k * stride + i].
template <typename scalar_t>
__device__ MmaA<scalar_t> load_a_transposed(const scalar_t* tile, int stride) {
  const int l = lane();
  MmaA<scalar_t> a;
  if constexpr (sizeof(scalar_t) == 2) {
    ptx::ldmatrix_x4_trans(tile + (l % 8 + l / 16 * 8) * stride + l / 8 % 2 * 8, a.reg);
  } else {
    for (int e = 0; e < 4; ++e)
      a.reg[e] = ptx::bits(tile[(l % 4 + e / 2 * 4) * stride + l / 4 + e % 2 * 8]);
  }
  return a;
}

// Two neighbours, b[0] for columns 0 to 7 and b[1] for 8 to 15: B[k][j] = tile[j * stride + k].
template <typename scalar_t>
__device__ void load_b(const scalar_t* tile, int stride, MmaB<scalar_t> (&b)[2]) {
  const int l = lane();
  uint32_t reg[4];
  ptx::ldmatrix_x4(tile + (l % 8 + l / 16 * 8) * stride + l / 8 % 2 * (kMmaK<scalar_t> / 2), reg);
  b[0] = {{reg[0], reg[1]}};
  b[1] = {{reg[2], reg[3]}};
}

// Two neighbours, b[0] for columns 0 to 7 and b[1] for 8 to 15: B[k][j] = tile[k * stride + j].
template <typename scalar_t>
__device__ void load_b_transposed(const scalar_t* tile, int stride, MmaB<scalar_t> (&b)[2]) {
  const int l = lane();
  if constexpr (sizeof(scalar_t) == 2) {
    uint32_t reg[4];
    ptx::ldmatrix_x4_trans(tile + l % 16 * stride + l / 16 * 8, reg);
    b[0] = {{reg[0], reg[1]}};
    b[1] = {{reg[2], reg[3]}};
  } else {
    for (int e = 0; e < 4; ++e)
      b[e / 2].reg[e % 2] = ptx::bits(tile[(l % 4 + e % 2 * 4) * stride + l / 4 + e / 2 * 8]);
  }
}

// Rounds a fragment of floats to tf32.
template <template <typename> typename Fragment>
__device__ void round_to_tf32(Fragment<float>& fragment) {
#pragma unroll
  for (uint32_t& reg : fragment.reg) reg = ptx::bits(ptx::round_to_tf32(ptx::value(reg)));
}

// The same for sums of two, whose rest it returns, exact in float. What is no number, or infinite,
// need not be asked for, as its rest is no number: that saves two of five instructions.
template <template <typename> typename Fragment>
__device__ Fragment<float> split_in_tf32(Fragment<float>& fragment) {
  Fragment<float> rest;
#pragma unroll
  for (int e = 0; e < int(sizeof fragment.reg / sizeof *fragment.reg); ++e) {
    const float whole = ptx::value(fragment.reg[e]);
    fragment.reg[e] = (fragment.reg[e] + 0x1000u) & ~0x1fffu;
    rest.reg[e] = ptx::bits(whole - ptx::value(fragment.reg[e]));
  }
  return rest;
}

// Whether factors have a rest that is multiplied, too.
template <typename scalar_t, Fp32Precision precision>
constexpr bool kRests = std::is_same_v<scalar_t, float> && precision == Fp32Precision::kTf32x3;

// Makes of a fragment what is multiplied, and returns its rest.
template <Fp32Precision precision, template <typename> typename Fragment, typename scalar_t>
__device__ Fragment<scalar_t> split(Fragment<scalar_t>& fragment) {
  if constexpr (kRests<scalar_t, precision>)
    return split_in_tf32(fragment);
  else if constexpr (std::is_same_v<scalar_t, float>)
    round_to_tf32(fragment);
  return {};
}

template <typename scalar_t>
__device__ void mma(MmaC& c, const MmaA<scalar_t>& a, const MmaB<scalar_t>& b) {
  ptx::mma<scalar_t>(c.at, a.reg, b.reg);
}

}  // namespace ariigcn
