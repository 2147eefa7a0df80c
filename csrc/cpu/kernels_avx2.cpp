// The kernels for x86-64 machines with AVX2 and FMA.
#include "kernels.h"

#if ARIIGCN_X86
#pragma GCC target("avx2,fma")
#define ARIIGCN_ISA avx2
#define ARIIGCN_VECTOR_BYTES 32
#include "kernels/all.h"
#endif
