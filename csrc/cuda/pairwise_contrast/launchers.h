// Launchers of the pairwise contrast.
#pragma once

#include <cuda_runtime_api.h>

#include <algorithm>

#include "../../contrast_term.h"
#include "../../fp32_precision.h"
#include "../../numeric.h"
#include "../../pair_rule.h"

namespace ariigcn {

// What is done about exponentials of similarities over the temperature: nothing, where nobody asks
// for their sums; or they are summed up, with a shift where they may be large.
enum class Exponentials { kNone, kPlain, kShifted };

// Those of rows of length 1, and the sums of 2^31 of them, are numbers up to this exponent of two.
inline Exponentials exponentials_of(ContrastForm form, double temperature) {
  if (form == ContrastForm::kRatio) return Exponentials::kNone;
  return kLog2E / temperature > 80 ? Exponentials::kShifted : Exponentials::kPlain;
}

// What the kernels read of G groups of N rows.
template <typename scalar_t>
struct ContrastInput {
  int64_t groups, size, width;
  const scalar_t* z;                            // (G, N, width)
  const int64_t *label, *modality, *utterance;  // (G, N)
  PairKinds kinds;
  acc_t<scalar_t> inv_temperature, margin;
  Exponentials exponentials;
};

constexpr int64_t kContrastTile =
    64;  // rows of a block, and rows that it compares them with at once

HOST_DEVICE inline int64_t contrast_tiles(int64_t size) {
  return (size + kContrastTile - 1) / kContrastTile;
}

// The pairs of a tile of rows are shared by so many blocks that a device is busy, and their partial
// sums are added in order. The number depends on the shape alone, and so do the results.
inline int64_t contrast_parts(int64_t groups, int64_t size) {
  constexpr int64_t kBusyBlocks = 512;
  const int64_t tiles = contrast_tiles(size);
  return std::max<int64_t>(1, std::min(tiles, kBusyBlocks / std::max<int64_t>(1, groups * tiles)));
}

// Scratch of a forward pass, by number of elements.
template <typename value_t>
struct ContrastScratch {
  value_t* partial;   // partial statistics
  value_t* total;     // of a loss: the terms of each tile, and how many there are
  unsigned* counter;  // how many blocks are done with each tile, and how many tiles are done

  // A log-sum-exp is two numbers.
  static int64_t partials(int64_t groups, int64_t size) {
    return groups * contrast_parts(groups, size) * (kNumStats + 2) * size;
  }
  static int64_t totals(int64_t groups, int64_t size) { return groups * contrast_tiles(size) * 2; }
  static int64_t counters(int64_t groups, int64_t size) {
    return groups * contrast_tiles(size) + 1;
  }
};

// What a loss is made of, and where it goes: `slope` (G, kNumStats, N) are the derivatives of the
// sum of all terms by the statistics, `loss` is their mean, and `anchors` how many there are.
template <typename value_t>
struct ContrastLossOutput {
  ContrastTerm<value_t> term;
  value_t *slope, *loss, *anchors;
};

// Writes `stats` (G, kNumStats, N), and the loss unless that is null. Counters are zeros, and
// remain so in no case.
template <typename scalar_t>
cudaError_t launch_pairwise_contrast(const ContrastInput<scalar_t>& in, Fp32Precision precision,
                                     const ContrastScratch<acc_t<scalar_t>>& scratch,
                                     acc_t<scalar_t>* stats,
                                     const ContrastLossOutput<acc_t<scalar_t>>* loss,
                                     cudaStream_t stream);

// `grad` and `stats` are (G, kNumStats, N); `partial` (G, parts, N, width) gets the summands of the
// gradient.
template <typename scalar_t>
cudaError_t launch_pairwise_contrast_backward(const ContrastInput<scalar_t>& in,
                                              Fp32Precision precision, const acc_t<scalar_t>* grad,
                                              const acc_t<scalar_t>* stats,
                                              acc_t<scalar_t>* partial, cudaStream_t stream);

// Writes the sum of the parts to `grad_z` (G, N, width).
template <typename scalar_t>
cudaError_t launch_contrast_sum(int64_t groups, int64_t size, int64_t width,
                                const acc_t<scalar_t>* partial, scalar_t* grad_z,
                                cudaStream_t stream);

// Rows as given and as they are compared: z = feat * inverse, with the inverse of their lengths, or
// 0 for rows that are left out.
template <typename scalar_t>
struct ContrastRows {
  int64_t groups, size, width;
  const scalar_t* feat;      // (G, N, width)
  const int64_t* label;      // (G, N)
  acc_t<scalar_t>* inverse;  // (G, N)
};

// Fills in `inverse` and `z`, and sets the counters of `scratch` to 0.
template <typename scalar_t>
cudaError_t launch_normalise_rows(const ContrastRows<scalar_t>& rows, scalar_t* z,
                                  unsigned* counter, cudaStream_t stream);

// Turns the summands of the gradient by z, which it overwrites, into that by `feat`, times
// `grad` / `anchors`.
template <typename scalar_t>
cudaError_t launch_normalise_rows_backward(const ContrastRows<scalar_t>& rows,
                                           const acc_t<scalar_t>* grad,
                                           const acc_t<scalar_t>* anchors, acc_t<scalar_t>* partial,
                                           scalar_t* grad_feat, cudaStream_t stream);

}  // namespace ariigcn
