// The kernels for any machine: SSE2 on x86-64, NEON on aarch64.
#include "kernels.h"

#define ARIIGCN_ISA generic
#define ARIIGCN_VECTOR_BYTES 16
#include "kernels/all.h"
