// Device side: which warp and lane this is, and reductions over a warp.
#pragma once

#include <cstdint>

namespace ariigcn {

constexpr int kWarpSize = 32;

__device__ inline int lane() { return threadIdx.x % kWarpSize; }
__device__ inline int warp_in_block() { return int(threadIdx.x) / kWarpSize; }
__device__ inline int64_t warp_in_grid() {
  return (int64_t(blockIdx.x) * blockDim.x + threadIdx.x) / kWarpSize;
}
__device__ inline int64_t warps_in_grid() { return int64_t(gridDim.x) * blockDim.x / kWarpSize; }

// Sum of all lanes' values, the same bits on every lane; the order of addition is fixed.
template <typename value_t>
__device__ value_t warp_sum(value_t value) {
  for (int mask = kWarpSize / 2; mask > 0; mask /= 2)
    value += __shfl_xor_sync(0xffffffffu, value, mask);
  return value;
}

template <typename value_t>
__device__ value_t warp_min(value_t value) {
  for (int mask = kWarpSize / 2; mask > 0; mask /= 2) {
    const value_t other = __shfl_xor_sync(0xffffffffu, value, mask);
    if (other < value) value = other;
  }
  return value;
}

template <typename value_t>
__device__ value_t warp_max(value_t value) {
  for (int mask = kWarpSize / 2; mask > 0; mask /= 2) {
    const value_t other = __shfl_xor_sync(0xffffffffu, value, mask);
    if (other > value) value = other;
  }
  return value;
}

}  // namespace ariigcn
