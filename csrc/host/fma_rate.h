// What this machine can do: the ceiling that `ariigcn benchmark` holds the operators against.
#pragma once

namespace ariigcn {

// GFLOP/s of float32 fused multiply-adds on registers in the calling thread: the best of short
// slices over `seconds`, with the widest instructions that the processor has.
double fma_rate(double seconds);

}  // namespace ariigcn
