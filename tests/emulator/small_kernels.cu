// GELU of csrc/cuda/gelu.h, and kernels that use csrc/cuda/async_copy.h rightly and wrongly.
#include "cuda/gelu.h"
#include "cuda/launch.h"
#ifdef __CUDACC__
#include "cuda/async_copy.h"
#else
#include <async_copy.h>
#endif

namespace {
using namespace ariigcn;

constexpr int kThreads = 4, kFloats = 4;  // of a copy

__global__ void gelu_kernel(int64_t count, const float* x, float* value, float* grad) {
  for (int64_t k = threadIdx.x; k < count; k += kThreads) {
    const Gelu<float> gelu = gelu_of(x[k]);
    value[k] = gelu.value;
    grad[k] = gelu.grad;
  }
}

// Each thread copies 4 floats in a group, or zeros where the first is negative, and then those of
// the next thread's place. It reads its first copy with one group allowed to be on its way, or two.
template <int kAllowed>
__global__ void copy_kernel(const float* from, float* to, bool wait_for_all) {
  alignas(16) __shared__ float memory[2][kThreads * kFloats];
  const int own = int(threadIdx.x) * kFloats, next = (own + kFloats) % (kThreads * kFloats);
  begin_copy(memory[0] + own, from + own, from[own] >= 0);
  commit_copies();
  begin_copy(memory[1] + own, from + next, true);
  commit_copies();
  wait_for_copies<kAllowed>();
  for (int k = 0; k < kFloats; ++k) to[own + k] = memory[0][own + k];
  if (wait_for_all) wait_for_copies<0>();
}

}  // namespace

extern "C" {
int gelu(int64_t count, const float* x, float* value, float* grad) {
  return launch(1, kThreads, nullptr, gelu_kernel, count, x, value, grad);
}
int copy(int allowed, int wait_for_all, const float* from, float* to) {
  return launch(1, kThreads, nullptr, allowed == 1 ? copy_kernel<1> : copy_kernel<2>, from, to,
                wait_for_all != 0);
}
}
