// 16 bytes of a row at once, wherever it is aligned and long enough.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "../numeric.h"
#ifdef __CUDACC__
#include "half_ptx.h"
#else
#include <half_ptx.h>  // of the emulator
#endif

namespace ariigcn {

template <typename scalar_t>
constexpr int kVector = 16 / int(sizeof(scalar_t));

// Kept as the words of a 16-byte load. As an array of halves the compiler would unpack them in the
// instruction after the load, and so wait for it there, however late they are used.
template <typename scalar_t>
struct alignas(16) Vector {
  uint32_t word[4];

  __device__ scalar_t operator[](int i) const {
    scalar_t value;
    if constexpr (sizeof(scalar_t) == 2) {
      const auto bits = uint16_t(word[i / 2] >> i % 2 * 16);
      std::memcpy(&value, &bits, sizeof value);
    } else {
      std::memcpy(&value, &word[i * (sizeof value / 4)], sizeof value);
    }
    return value;
  }

  // Element `i` as it is added up. A bfloat16 is the upper half of a float: those at odd places
  // need no shift there and back, which the compiler would leave as it is.
  __device__ acc_t<scalar_t> wide(int i) const {
    if constexpr (std::is_same_v<scalar_t, __nv_bfloat16>) {
      const uint32_t bits = i % 2 ? word[i / 2] & 0xffff0000u : word[i / 2] << 16;
      float value;
      std::memcpy(&value, &bits, sizeof value);
      return value;
    } else {
      return acc_t<scalar_t>((*this)[i]);
    }
  }

  __device__ void set(int i, scalar_t value) {
    if constexpr (sizeof(scalar_t) == 2) {
      uint16_t bits;
      std::memcpy(&bits, &value, sizeof bits);
      const int shift = i % 2 * 16;
      word[i / 2] = (word[i / 2] & ~(0xffffu << shift)) | uint32_t(bits) << shift;
    } else {
      std::memcpy(&word[i * (sizeof value / 4)], &value, sizeof value);
    }
  }
};

// The elements of vectors that lie one after the other.
template <typename scalar_t>
HOST_DEVICE const scalar_t* elements(const Vector<scalar_t>* vectors) {
  return reinterpret_cast<const scalar_t*>(vectors);
}

// Whether every row of `pitch` elements starts at a multiple of 16 bytes.
template <typename scalar_t>
HOST_DEVICE bool is_aligned(const scalar_t* rows, int64_t pitch) {
  return reinterpret_cast<uintptr_t>(rows) % 16 == 0 && pitch % kVector<scalar_t> == 0;
}

// A vector in memory, or zeros.
template <typename scalar_t>
__device__ Vector<scalar_t> load_whole(const scalar_t* from, bool inside) {
  return inside ? *reinterpret_cast<const Vector<scalar_t>*>(from) : Vector<scalar_t>{};
}

// The first `count` elements of a vector in memory, zeros after them.
template <typename scalar_t>
__device__ Vector<scalar_t> load_vector(const scalar_t* __restrict__ from, int64_t count,
                                        bool aligned) {
  if (aligned && count >= kVector<scalar_t>)
    return *reinterpret_cast<const Vector<scalar_t>*>(from);
  Vector<scalar_t> v{};
#pragma unroll
  for (int i = 0; i < kVector<scalar_t>; ++i)
    if (i < count) v.set(i, from[i]);
  return v;
}

template <typename scalar_t>
__device__ void store_vector(scalar_t* to, const Vector<scalar_t>& v, int64_t count, bool aligned) {
  if (aligned && count >= kVector<scalar_t>) {
    *reinterpret_cast<Vector<scalar_t>*>(to) = v;
    return;
  }
#pragma unroll
  for (int i = 0; i < kVector<scalar_t>; ++i)
    if (i < count) to[i] = v[i];
}

// Sums as the elements of a vector.
template <typename scalar_t>
__device__ Vector<scalar_t> round_vector(const acc_t<scalar_t> (&sum)[kVector<scalar_t>]) {
  Vector<scalar_t> v;
  if constexpr (sizeof(scalar_t) == 2) {
#pragma unroll
    for (int w = 0; w < 4; ++w) v.word[w] = ptx::round_pair<scalar_t>(sum[2 * w], sum[2 * w + 1]);
  } else {
    std::memcpy(&v, sum, sizeof v);
  }
  return v;
}

// Unrounded sums, of which the first `count` belong to the row.
template <typename acc, int size>
__device__ void store_sums(acc* to, const acc (&sum)[size], int64_t count, bool aligned) {
#pragma unroll
  for (int i = 0; i < size; i += kVector<acc>) {
    Vector<acc> v;
    std::memcpy(&v, sum + i, sizeof v);
    store_vector(to + i, v, count - i, aligned);
  }
}

}  // namespace ariigcn
