// The options of the relational attention, for kernels of all devices; their meaning is in
// ops/relational_attention.py.
#pragma once

#include "activation.h"

namespace ariigcn {

// How matrices of floats are multiplied: with float's multiply-adds; as the sums of two tf32s that
// floats are but for 2^-22 of them, on tensor cores; or as tf32. FP32_PRECISIONS in Python.
enum class Fp32Precision : int64_t { kIeee, kTf32x3, kTf32 };

struct AttentionOptions {
  Activation activation;
  double slope, dropout;
  bool normalise, gelu;
  bool within_relation;          // softmax over each (target, relation), not over all of a target
  Fp32Precision fp32_precision;  // read by CUDA only
};

}  // namespace ariigcn
