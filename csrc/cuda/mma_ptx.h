// The instructions behind mma.h. Before sm_80 they do not exist: kTensorCores is false there, and
// who calls them nevertheless ends the kernel with an error.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>
#include <type_traits>

namespace ariigcn {

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
#define ARIIGCN_MMA(...) __trap()
constexpr bool kTensorCores = false;
#else
#define ARIIGCN_MMA(...) asm volatile(__VA_ARGS__)
constexpr bool kTensorCores = true;
#endif

namespace ptx {

__device__ inline uint32_t bits(float value) { return __float_as_uint(value); }
__device__ inline float value(uint32_t bits) { return __uint_as_float(bits); }

// To the nearest tf32; without it the last 13 bits of a factor are cut off.
__device__ inline float round_to_tf32(float value) {
  uint32_t rounded = 0;
  ARIIGCN_MMA("cvt.rna.tf32.f32 %0, %1;" : "=r"(rounded) : "f"(value));
  return __uint_as_float(rounded);
}

template <typename scalar_t>
__device__ uint32_t pack(float low, float high) {
  uint32_t both = 0;
  if constexpr (std::is_same_v<scalar_t, __half>) {
    ARIIGCN_MMA("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
  } else {
    ARIIGCN_MMA("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
  }
  return both;
}

// Four 8 x 8 matrices of 2-byte elements; lane t gives the address of row t % 8 of matrix t / 8,
// and gets elements 2 (t % 4) and 2 (t % 4) + 1 of row t / 4 (transposed: of column t / 4) of each.
__device__ inline void ldmatrix_x4(const void* row, uint32_t (&reg)[4]) {
  ARIIGCN_MMA("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];" : "=r"(reg[0]),
              "=r"(reg[1]), "=r"(reg[2]),
              "=r"(reg[3]) : "r"(uint32_t(__cvta_generic_to_shared(row))) : "memory");
}
__device__ inline void ldmatrix_x4_trans(const void* row, uint32_t (&reg)[4]) {
  ARIIGCN_MMA(
      "ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];" : "=r"(reg[0]),
      "=r"(reg[1]), "=r"(reg[2]),
      "=r"(reg[3]) : "r"(uint32_t(__cvta_generic_to_shared(row))) : "memory");
}

#define ARIIGCN_MMA_SHAPE(shape)                                                               \
  ARIIGCN_MMA("mma.sync.aligned." shape                                                        \
              " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};" : "+f"(c[0]), \
              "+f"(c[1]), "+f"(c[2]), "+f"(c[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), \
              "r"(b[0]), "r"(b[1]))

template <typename scalar_t>
__device__ void mma(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  if constexpr (std::is_same_v<scalar_t, __half>) {
    ARIIGCN_MMA_SHAPE("m16n8k16.row.col.f32.f16.f16.f32");
  } else if constexpr (std::is_same_v<scalar_t, __nv_bfloat16>) {
    ARIIGCN_MMA_SHAPE("m16n8k16.row.col.f32.bf16.bf16.f32");
  } else {
    static_assert(std::is_same_v<scalar_t, float>);
    ARIIGCN_MMA_SHAPE("m16n8k8.row.col.f32.tf32.tf32.f32");
  }
}

#undef ARIIGCN_MMA_SHAPE
#undef ARIIGCN_MMA

}  // namespace ptx
}  // namespace ariigcn
