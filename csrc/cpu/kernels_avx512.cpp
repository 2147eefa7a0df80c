// The kernels for x86-64 machines with AVX-512.
#include "kernels.h"

#if ARIIGCN_X86
#include <immintrin.h>
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")
#define ARIIGCN_ISA avx512
#define ARIIGCN_VECTOR_BYTES 64
#include "kernels/all.h"
#endif
