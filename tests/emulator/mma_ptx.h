// Stands in for csrc/cuda/mma_ptx.h: the same matrix instructions, as exchanges between the lanes
// of a warp. Products are summed in float in the order of k; a GPU's order and rounding may differ.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime_api.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

namespace ariigcn {

constexpr bool kTensorCores = EMULATED_ARCH >= 800;

namespace ptx {

inline uint32_t bits(float value) { return std::bit_cast<uint32_t>(value); }
inline float value(uint32_t bits) { return std::bit_cast<float>(bits); }

inline float round_to_tf32(float value) {
  if (std::isnan(value)) return std::numeric_limits<float>::quiet_NaN();
  return std::bit_cast<float>((bits(value) + 0x1000) & ~0x1fffu);
}

template <typename scalar_t>
uint32_t pack(float low, float high) {
  const scalar_t pair[] = {scalar_t(low), scalar_t(high)};
  return std::bit_cast<uint32_t>(pair);
}

inline void ldmatrix_x4(const void* row, uint32_t (&reg)[4]) {
  const auto rows = emulator::share(row);
  const unsigned lane = emulator::lane();
  for (unsigned matrix = 0; matrix < 4; ++matrix)
    std::memcpy(&reg[matrix], static_cast<const uint32_t*>(rows(matrix * 8 + lane / 4)) + lane % 4,
                4);
}

inline void ldmatrix_x4_trans(const void* row, uint32_t (&reg)[4]) {
  const auto rows = emulator::share(row);
  const unsigned lane = emulator::lane();
  for (unsigned matrix = 0; matrix < 4; ++matrix) {
    uint16_t pair[2];
    for (unsigned e = 0; e < 2; ++e)
      pair[e] = static_cast<const uint16_t*>(rows(matrix * 8 + lane % 4 * 2 + e))[lane / 4];
    reg[matrix] = std::bit_cast<uint32_t>(pair);
  }
}

// Element `k % (4 / size)` of the register that holds it.
template <typename scalar_t>
float element(uint32_t reg, int k) {
  if constexpr (sizeof(scalar_t) == 4) {
    return std::bit_cast<float>(reg & ~0x1fffu);
  } else {
    return float(std::bit_cast<scalar_t>(uint16_t(reg >> k % 2 * 16)));
  }
}

template <typename scalar_t>
void mma(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  struct Factors {
    uint32_t a[4], b[2];
  } own;
  std::memcpy(own.a, a, sizeof(a));
  std::memcpy(own.b, b, sizeof(b));
  const auto factors = emulator::share(own);
  const int lane = int(emulator::lane()), pitch = 4 / int(sizeof(scalar_t));
  for (int k = 0; k < 8 * pitch; ++k) {
    const int word =
        k / pitch;  // of the row's 8: lane word % 4 has it, in its first or second half
    for (int e = 0; e < 4; ++e) {
      const Factors left = factors(lane / 4 * 4 + word % 4);
      const Factors right = factors((lane % 4 * 2 + e % 2) * 4 + word % 4);
      c[e] += element<scalar_t>(left.a[word / 4 * 2 + e / 2], k) *
              element<scalar_t>(right.b[word / 4], k);
    }
  }
}

}  // namespace ptx
}  // namespace ariigcn
