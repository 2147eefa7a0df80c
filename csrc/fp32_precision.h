// How matrices of floats are multiplied on CUDA.
#pragma once

#include <cstdint>

namespace ariigcn {

// With float's multiply-adds; as the sums of two tf32s that floats are but for 2^-22 of them, on
// tensor cores; or as tf32. FP32_PRECISIONS in Python.
enum class Fp32Precision : int64_t { kIeee, kTf32x3, kTf32 };
constexpr int64_t kNumFp32Precisions = 3;

}  // namespace ariigcn
