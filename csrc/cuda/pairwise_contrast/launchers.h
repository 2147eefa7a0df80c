// Launchers of the pairwise contrast.
#pragma once

#include <cuda_runtime_api.h>

#include <algorithm>

#include "../../numeric.h"
#include "../../pair_rule.h"

namespace ariigcn {

// What the kernels read of G groups of N rows.
template <typename scalar_t>
struct ContrastInput {
  int64_t groups, size, width;
  const scalar_t* z;                            // (G, N, width)
  const int64_t *label, *modality, *utterance;  // (G, N)
  PairRule rule;
  acc_t<scalar_t> inv_temperature, margin;
};

constexpr int64_t kContrastTile =
    64;  // rows of a block, and rows that it compares them with at once

// The pairs of a tile of rows are shared by so many blocks that a device is busy, and their partial
// sums are added in order. The number depends on the shape alone, and so do the results.
inline int64_t contrast_parts(int64_t groups, int64_t size) {
  constexpr int64_t kBusyBlocks = 512;
  const int64_t tiles = (size + kContrastTile - 1) / kContrastTile;
  return std::max<int64_t>(1, std::min(tiles, kBusyBlocks / std::max<int64_t>(1, groups * tiles)));
}

// Partial statistics of a row: those of the output, but the log-sum-exp as two numbers.
constexpr int kNumPartialStats = kNumStats + 2;

// Writes `stats` (G, kNumStats, N); `partial` (G, parts, kNumPartialStats, N) is scratch. `tf32`
// lets floats be multiplied as tf32.
template <typename scalar_t>
cudaError_t launch_pairwise_contrast(const ContrastInput<scalar_t>& in, bool tf32,
                                     acc_t<scalar_t>* partial, acc_t<scalar_t>* stats,
                                     cudaStream_t stream);

// `grad` and `stats` are (G, kNumStats, N), `grad_z` is (G, N, width), and `partial` (G, parts, N,
// width) is scratch.
template <typename scalar_t>
cudaError_t launch_pairwise_contrast_backward(const ContrastInput<scalar_t>& in, bool tf32,
                                              const acc_t<scalar_t>* grad,
                                              const acc_t<scalar_t>* stats,
                                              acc_t<scalar_t>* partial, scalar_t* grad_z,
                                              cudaStream_t stream);

}  // namespace ariigcn
