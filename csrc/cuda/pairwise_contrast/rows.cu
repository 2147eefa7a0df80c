// What the pairwise contrast does row by row: it normalises rows, and sums the parts of the
// gradient. Every sum has a fixed order.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cmath>

#include "../launch.h"
#include "../warp.h"
#include "launchers.h"

namespace ariigcn {
namespace {

constexpr int kSumThreads = 128;

template <typename value_t>
__device__ value_t sum_of_parts(const value_t* part, int64_t parts, int64_t pitch) {
  value_t sum = 0;
  for (int64_t p = 0; p < parts; ++p) sum += part[p * pitch];
  return sum;
}

// A thread owns an element of the gradient.
template <typename scalar_t>
__global__ void sum_kernel(int64_t groups, int64_t count, int64_t parts,
                           const acc_t<scalar_t>* partial, scalar_t* grad_z) {
  begin_after_previous();
  const int64_t start = int64_t(blockIdx.x) * kSumThreads + threadIdx.x;
  for (int64_t at = start; at < groups * count; at += int64_t(gridDim.x) * kSumThreads)
    grad_z[at] =
        scalar_t(sum_of_parts(partial + at / count * parts * count + at % count, parts, count));
}

// A warp owns a row.
template <typename scalar_t>
__global__ void normalise_kernel(ContrastRows<scalar_t> rows, scalar_t* z, unsigned* counter,
                                 int64_t counters) {
  begin_after_previous();
  using value_t = acc_t<scalar_t>;
  const int64_t thread = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  for (int64_t n = thread; n < counters; n += int64_t(gridDim.x) * blockDim.x) counter[n] = 0;
  for (int64_t row = warp_in_grid(); row < rows.groups * rows.size; row += warps_in_grid()) {
    const scalar_t* feat = rows.feat + row * rows.width;
    value_t square = 0;
    for (int64_t k = lane(); k < rows.width; k += kWarpSize)
      square += value_t(feat[k]) * value_t(feat[k]);
    const value_t inverse = contrast_inverse(rows.label[row], warp_sum(square));
    for (int64_t k = lane(); k < rows.width; k += kWarpSize)  // what is left out may be no number
      z[row * rows.width + k] =
          scalar_t(inverse == value_t(0) ? value_t(0) : value_t(feat[k]) * inverse);
    if (lane() == 0) rows.inverse[row] = inverse;
  }
}

// A warp owns a row of the gradient.
template <typename scalar_t>
__global__ void normalise_backward_kernel(ContrastRows<scalar_t> rows, int64_t parts,
                                          const acc_t<scalar_t>* grad,
                                          const acc_t<scalar_t>* anchors, acc_t<scalar_t>* partial,
                                          scalar_t* grad_feat) {
  begin_after_previous();
  using value_t = acc_t<scalar_t>;
  const value_t scale = *grad / (*anchors > value_t(1) ? *anchors : value_t(1));
  const int64_t pitch = rows.size * rows.width;
  for (int64_t row = warp_in_grid(); row < rows.groups * rows.size; row += warps_in_grid()) {
    const value_t inverse = rows.inverse[row];
    const scalar_t* feat = rows.feat + row * rows.width;
    value_t* part = partial + row / rows.size * parts * pitch + row % rows.size * rows.width;
    value_t along = 0;  // the row's direction, of the gradient
    for (int64_t k = lane(); inverse != value_t(0) && k < rows.width; k += kWarpSize) {
      part[k] = sum_of_parts(part + k, parts, pitch);
      along += part[k] * (value_t(feat[k]) * inverse);
    }
    along = contrast_turns(inverse) ? warp_sum(along) : value_t(0);
    for (int64_t k = lane(); k < rows.width; k += kWarpSize)
      grad_feat[row * rows.width + k] =
          scalar_t(inverse == value_t(0)
                       ? value_t(0)
                       : (part[k] - along * (value_t(feat[k]) * inverse)) * inverse * scale);
  }
}

}  // namespace

template <typename scalar_t>
cudaError_t launch_contrast_sum(int64_t groups, int64_t size, int64_t width,
                                const acc_t<scalar_t>* partial, scalar_t* grad_z,
                                cudaStream_t stream) {
  const int64_t count = size * width;
  return launch((groups * count + kSumThreads - 1) / kSumThreads, kSumThreads, stream,
                sum_kernel<scalar_t>, groups, count, contrast_parts(groups, size), partial, grad_z);
}

template <typename scalar_t>
cudaError_t launch_normalise_rows(const ContrastRows<scalar_t>& rows, scalar_t* z,
                                  unsigned* counter, cudaStream_t stream) {
  const int64_t counters = ContrastScratch<acc_t<scalar_t>>::counters(rows.groups, rows.size);
  return launch_warps(rows.groups * rows.size, stream, normalise_kernel<scalar_t>, rows, z, counter,
                      counters);
}

template <typename scalar_t>
cudaError_t launch_normalise_rows_backward(const ContrastRows<scalar_t>& rows,
                                           const acc_t<scalar_t>* grad,
                                           const acc_t<scalar_t>* anchors, acc_t<scalar_t>* partial,
                                           scalar_t* grad_feat, cudaStream_t stream) {
  return launch_warps(rows.groups * rows.size, stream, normalise_backward_kernel<scalar_t>, rows,
                      contrast_parts(rows.groups, rows.size), grad, anchors, partial, grad_feat);
}

#define INSTANTIATE(scalar_t)                                                                     \
  template cudaError_t launch_contrast_sum(int64_t, int64_t, int64_t, const acc_t<scalar_t>*,     \
                                           scalar_t*, cudaStream_t);                              \
  template cudaError_t launch_normalise_rows(const ContrastRows<scalar_t>&, scalar_t*, unsigned*, \
                                             cudaStream_t);                                       \
  template cudaError_t launch_normalise_rows_backward(                                            \
      const ContrastRows<scalar_t>&, const acc_t<scalar_t>*, const acc_t<scalar_t>*,              \
      acc_t<scalar_t>*, scalar_t*, cudaStream_t);
INSTANTIATE(float)
INSTANTIATE(double)
INSTANTIATE(__half)
INSTANTIATE(__nv_bfloat16)

}  // namespace ariigcn
