// Launchers of a GRU's recurrence: all time steps of all sequences in one kernel.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "../../numeric.h"

namespace ariigcn {

constexpr int kGruGates = 3;
// One for each row of the largest weight that Hopper's shared memory holds beside the states: of
// 92, 134 and 188 units.
template <typename scalar_t>
constexpr int kMostGruThreads = sizeof(scalar_t) == 8   ? 288
                                : sizeof(scalar_t) == 4 ? 416
                                                        : 576;

// Everything is of T time steps, S directions and B sequences, of width H.
template <typename scalar_t>
struct GruScan {
  int64_t steps, directions, sequences, width;
  const scalar_t* weight;  // (S, 3 H, H), of the state, gates r, z, n
};
template <typename scalar_t>
struct GruForward {
  GruScan<scalar_t> scan;
  const scalar_t* inputs;    // (T, S, B, 3 H)
  const scalar_t* bias;      // (S, 3 H)
  scalar_t *states, *gates;  // (T + 1, S, B, H), of which the first are zero, and (T, S, B, 4 H)
};
template <typename scalar_t>
struct GruBackward {
  GruScan<scalar_t> scan;
  const scalar_t *grad, *states, *gates;  // (T, S, B, H), and as of forward
  scalar_t *recurrent, *grad_new;         // (T, S, B, 3 H), (T, S, B, H)
};

// Bytes of shared memory that a block of either kernel needs at most: the weight of a direction, so
// that no step reads it from elsewhere, and the numbers of its sequences.
template <typename scalar_t>
int64_t gru_scan_bytes(int64_t width);

// cudaErrorInvalidValue where the width has more rows than threads, or the device less memory.
template <typename scalar_t>
cudaError_t launch_gru_scan(const GruForward<scalar_t>& op, cudaStream_t stream);
template <typename scalar_t>
cudaError_t launch_gru_scan_backward(const GruBackward<scalar_t>& op, cudaStream_t stream);

}  // namespace ariigcn
