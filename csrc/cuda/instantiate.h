// The types that the graph kernels are compiled for.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

// Expands INSTANTIATE(scalar_t, index_t) for every scalar and index type.
#define FOR_SCALARS(INSTANTIATE, index_t) \
  INSTANTIATE(float, index_t)             \
  INSTANTIATE(double, index_t)            \
  INSTANTIATE(__half, index_t)            \
  INSTANTIATE(__nv_bfloat16, index_t)
#define FOR_KERNEL_TYPES(INSTANTIATE) \
  FOR_SCALARS(INSTANTIATE, int32_t)   \
  FOR_SCALARS(INSTANTIATE, int64_t)
