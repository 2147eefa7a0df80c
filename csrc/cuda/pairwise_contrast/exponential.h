// 2^x, where less than the smallest normal number may as well be 0.
#pragma once

#include <cuda_runtime_api.h>

#include <cmath>

namespace ariigcn {

__device__ inline double exp2_or_zero(double x) { return std::exp2(x); }

#ifdef __CUDACC__
// exp2f scales its argument first, so that results below the normal numbers keep their bits.
__device__ inline float exp2_or_zero(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
#else
inline float exp2_or_zero(float x) { return std::exp2(x); }
#endif

}  // namespace ariigcn
