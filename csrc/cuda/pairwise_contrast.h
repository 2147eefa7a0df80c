// Launchers of the pairwise contrast; the mathematics of a pair is in contrast_rows.h.
#pragma once

#include <cuda_runtime_api.h>

#include "contrast_rows.h"

namespace ariigcn {

// Identities are (groups, size); `rows.size` is N, and its pointers are those of the first group.
template <typename value_t>
struct ContrastInput {
  int64_t groups, width;
  ContrastRows<value_t> rows;
  const value_t* z;  // (groups, N, width)
};

// Writes `stats` (groups, kNumStats, N).
template <typename value_t>
cudaError_t launch_pairwise_contrast(const ContrastInput<value_t>& in, value_t* stats,
                                     cudaStream_t stream);

// `grad` and `stats` are (groups, kNumStats, N), `grad_z` is (groups, N, width).
template <typename value_t>
cudaError_t launch_pairwise_contrast_backward(const ContrastInput<value_t>& in, const value_t* grad,
                                              const value_t* stats, value_t* grad_z,
                                              cudaStream_t stream);

}  // namespace ariigcn
