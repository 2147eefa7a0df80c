// bfloat16 as the kernels use it: 16 bits, converted from and to float.
#pragma once

#include <bit>
#include <cstdint>

struct __nv_bfloat16 {
  std::uint16_t bits;

  __nv_bfloat16() = default;
  explicit __nv_bfloat16(float value) {
    const auto wide = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t to_even = 0x7fff + (wide >> 16 & 1);
    bits = value != value ? 0x7fff : std::uint16_t((wide + to_even) >> 16);
  }
  explicit operator float() const { return std::bit_cast<float>(std::uint32_t(bits) << 16); }
};
