// The gradient by GELU's input, before anything else of the backward pass: two matrix products read
// it, each row many times, and copy it to shared memory without looking at it.
#include "../instantiate.h"
#include "../launch.h"
#include "launchers.h"

namespace ariigcn {
namespace {

constexpr int kThreads = 256;

template <typename scalar_t>
__global__ void __launch_bounds__(kThreads)
    gelu_backward_kernel(const scalar_t* __restrict__ grad_out,
                         const scalar_t* __restrict__ gelu_grad, scalar_t* __restrict__ grad,
                         int64_t count) {
  begin_after_previous();
  using acc = acc_t<scalar_t>;
  const int64_t stride = int64_t(gridDim.x) * kThreads;
#pragma unroll 4
  for (int64_t k = int64_t(blockIdx.x) * kThreads + threadIdx.x; k < count; k += stride)
    grad[k] = scalar_t(acc(grad_out[k]) * acc(gelu_grad[k]));
}

}  // namespace

template <typename scalar_t>
cudaError_t launch_gelu_backward(const RelationalBackward<scalar_t>& op, cudaStream_t stream) {
  const RelationalForward<scalar_t>& forward = op.forward;
  if (forward.gelu_grad == nullptr) return cudaSuccess;
  const int64_t count = forward.groups * forward.graph.num_dst * forward.out_feats;
  return launch((count + kThreads - 1) / kThreads, kThreads, stream, gelu_backward_kernel<scalar_t>,
                op.grad_out, static_cast<const scalar_t*>(forward.gelu_grad), op.grad_pre, count);
}

#define INSTANTIATE(scalar_t) \
  template cudaError_t launch_gelu_backward(const RelationalBackward<scalar_t>&, cudaStream_t);
FOR_SCALARS(INSTANTIATE)

}  // namespace ariigcn
