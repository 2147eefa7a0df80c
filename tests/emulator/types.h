// The types that kernels are compiled for, chosen by number. `dtype`: 0 float, 1 double, 2 half,
// 3 bfloat16.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

// Calls `run` with a value of the scalar type.
template <typename Run>
int for_floating(int dtype, const Run& run) {
  if (dtype == 0) return run(float{});
  if (dtype == 1) return run(double{});
  if (dtype == 2) return run(__half{});
  return run(__nv_bfloat16{});
}
