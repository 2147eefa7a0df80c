// The options of the relational attention, for kernels of all devices; their meaning is in
// ops/relational_attention.py.
#pragma once

#include "activation.h"
#include "fp32_precision.h"

namespace ariigcn {

struct AttentionOptions {
  Activation activation;
  double slope, dropout;
  bool normalise, gelu;
  bool within_relation;          // softmax over each (target, relation), not over all of a target
  Fp32Precision fp32_precision;  // read by CUDA only
};

}  // namespace ariigcn
