// Every kernel, instantiated for the instruction set of the including translation unit.
#pragma once

#include "pairwise_contrast.h"

#define INSTANTIATE(T)                                                                          \
  template void ariigcn::ARIIGCN_ISA::pairwise_contrast(const PairwiseContrast<T>&);      \
  template void ariigcn::ARIIGCN_ISA::pairwise_contrast_backward(                            \
      const PairwiseContrastGrad<T>&);

INSTANTIATE(float)
INSTANTIATE(double)
