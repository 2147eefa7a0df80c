// Stands in for csrc/cuda/half_ptx.h: the same arithmetic on two halves in a word.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <bit>
#include <cstdint>

namespace ariigcn {
namespace ptx {

template <typename scalar_t>
uint32_t round_pair(float low, float high) {
  const scalar_t pair[] = {scalar_t(low), scalar_t(high)};
  return std::bit_cast<uint32_t>(pair);
}

template <typename scalar_t>
float half_of(uint32_t word, int which) {
  return float(std::bit_cast<scalar_t>(uint16_t(word >> which * 16)));
}

template <typename scalar_t>
uint32_t add_halves(uint32_t x, uint32_t y) {
  return round_pair<scalar_t>(half_of<scalar_t>(x, 0) + half_of<scalar_t>(y, 0),
                              half_of<scalar_t>(x, 1) + half_of<scalar_t>(y, 1));
}

template <typename scalar_t>
uint32_t add_halves_relu(uint32_t x, uint32_t y) {
  const auto relu = [](float t) { return t < 0 ? 0 : t; };
  const uint32_t sum = add_halves<scalar_t>(x, y);
  return round_pair<scalar_t>(relu(half_of<scalar_t>(sum, 0)), relu(half_of<scalar_t>(sum, 1)));
}

}  // namespace ptx
}  // namespace ariigcn
