// The options of the relational attention, for kernels of all devices; their meaning is in
// ops/relational_attention.py.
#pragma once

#include "activation.h"

namespace ariigcn {

struct AttentionOptions {
  Activation activation;
  double slope, dropout;
  bool normalise, gelu;
  bool tf32;  // read by CUDA only
};

}  // namespace ariigcn
