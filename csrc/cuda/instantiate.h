// The types that the graph kernels are compiled for.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

// Expands INSTANTIATE(scalar_t) for every scalar type.
#define FOR_SCALARS(INSTANTIATE) \
  INSTANTIATE(float)             \
  INSTANTIATE(double)            \
  INSTANTIATE(__half)            \
  INSTANTIATE(__nv_bfloat16)
