// 16 bytes of a row at once, wherever it is aligned and long enough.
#pragma once

#include <cstdint>

#include "../numeric.h"

namespace ariigcn {

template <typename scalar_t>
constexpr int kVector = 16 / int(sizeof(scalar_t));

template <typename scalar_t>
struct alignas(16) Vector {
  scalar_t at[kVector<scalar_t>];
};

// Whether every row of `pitch` elements starts at a multiple of 16 bytes.
template <typename scalar_t>
HOST_DEVICE bool is_aligned(const scalar_t* rows, int64_t pitch) {
  return reinterpret_cast<uintptr_t>(rows) % 16 == 0 && pitch % kVector<scalar_t> == 0;
}

// The first `count` elements of a vector in memory, zeros after them.
template <typename scalar_t>
__device__ Vector<scalar_t> load_vector(const scalar_t* from, int64_t count, bool aligned) {
  if (aligned && count >= kVector<scalar_t>)
    return *reinterpret_cast<const Vector<scalar_t>*>(from);
  Vector<scalar_t> v;
#pragma unroll
  for (int i = 0; i < kVector<scalar_t>; ++i) v.at[i] = i < count ? from[i] : scalar_t(0.0f);
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
    if (i < count) to[i] = v.at[i];
}

}  // namespace ariigcn
