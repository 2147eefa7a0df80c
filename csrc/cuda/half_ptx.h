// Two halves in a word: instructions that work on both at once, from sm_80 on.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>
#include <cstring>
#include <type_traits>

namespace ariigcn {
namespace ptx {

// x + y as 1 * x + y, and the larger of that and 0: sums of bfloat16s alone exist from sm_90 on,
// and a sum that is cut off at 0 does not exist.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
#define ARIIGCN_HALVES(...) __trap()
#else
#define ARIIGCN_HALVES(...) asm(__VA_ARGS__)
#endif

template <typename scalar_t>
__device__ uint32_t add_halves(uint32_t x, uint32_t y) {
  uint32_t sum = 0;
  if constexpr (std::is_same_v<scalar_t, __half>) {
    ARIIGCN_HALVES("fma.rn.f16x2 %0, %1, %2, %3;" : "=r"(sum) : "r"(x), "r"(0x3c003c00), "r"(y));
  } else {
    ARIIGCN_HALVES("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(sum) : "r"(x), "r"(0x3f803f80), "r"(y));
  }
  return sum;
}
template <typename scalar_t>
__device__ uint32_t add_halves_relu(uint32_t x, uint32_t y) {
  uint32_t sum = 0;
  if constexpr (std::is_same_v<scalar_t, __half>) {
    ARIIGCN_HALVES("fma.rn.relu.f16x2 %0, %1, %2, %3;" : "=r"(sum) : "r"(x), "r"(0x3c003c00),
                   "r"(y));
  } else {
    ARIIGCN_HALVES("fma.rn.relu.bf16x2 %0, %1, %2, %3;" : "=r"(sum) : "r"(x), "r"(0x3f803f80),
                   "r"(y));
  }
  return sum;
}
#undef ARIIGCN_HALVES

// Two floats, rounded, in one instruction; on every architecture.
template <typename scalar_t>
__device__ uint32_t round_pair(float low, float high) {
  uint32_t word;
  if constexpr (std::is_same_v<scalar_t, __half>) {
    const __half2 pair = __floats2half2_rn(low, high);
    std::memcpy(&word, &pair, sizeof word);
  } else {
    const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
    std::memcpy(&word, &pair, sizeof word);
  }
  return word;
}

}  // namespace ptx
}  // namespace ariigcn
