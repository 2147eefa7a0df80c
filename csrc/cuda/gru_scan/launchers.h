// Launchers of a GRU's recurrence: all time steps of all sequences in one kernel.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "../../numeric.h"

namespace ariigcn {

constexpr int kGruGates = 3;
// One for each row of the weight: few enough that the registers of a thread suffice. Hopper's shared
// memory holds the weight of 92 units in 64 bits, of 134 in 32, of 188 in 16.
template <typename scalar_t>
constexpr int kMostGruThreads = sizeof(scalar_t) == 8 ? 288 : 512;

// Everything is of D directions, T time steps and B sequences, of width H, and N rows.
template <typename scalar_t>
struct GruScan {
  int64_t directions, steps, sequences, width;
  const int64_t* rows;     // (D, T, B): the row that a sequence reads then; -1 behind its end
  const scalar_t* weight;  // (D, 3 H, H), of the state, gates r, z, n
};
template <typename scalar_t>
struct GruForward {
  GruScan<scalar_t> scan;
  const scalar_t* inputs;    // (N, D, 3 H)
  const scalar_t* bias;      // (D, 3 H)
  scalar_t* out;             // (N, D, H), of rows that a sequence reads
  scalar_t *states, *gates;  // (D, T + 1, B, H), zeros first, and (D, T, B, 4 H): for backward
};
template <typename scalar_t>
struct GruBackward {
  GruScan<scalar_t> scan;
  const scalar_t *grad, *states, *gates;  // (N, D, H), and as of forward
  scalar_t* grad_inputs;                  // (N, D, 3 H), of rows that a sequence reads
  scalar_t* recurrent;                    // (D, T, B, 3 H): of what the state adds to the gates
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
