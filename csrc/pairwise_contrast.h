// Torch-free mathematics of one pair and one row of the pairwise contrast, for CPU and CUDA.
#pragma once

#include "numeric.h"

namespace ariigcn {

enum PairKind { kIgnored, kPositive, kNegative };

// What is summed over the positives and negatives of a row, in the order of the output.
enum ContrastStat {
  kCountPos,
  kCountNeg,
  kSumPos,     // sum of s
  kSumNeg,
  kLsePos,     // log sum exp of s / temperature; 0 for an empty set
  kLseNeg,
  kMarginPos,  // sum of |margin - s|
  kHingeNeg,   // sum of max(s, 0)
  kNumStats
};

// Which pairs count: `positives` and `negatives` are sets of codes, bit `code` set = member, with
// code = same class + 2 * same modality + 4 * same utterance.
struct PairRule {
  int64_t positives, negatives;

  HOST_DEVICE PairKind kind(bool same_class, bool same_modality, bool same_utterance) const {
    const int code = int(same_class) + 2 * int(same_modality) + 4 * int(same_utterance);
    if (positives >> code & 1) return kPositive;
    return negatives >> code & 1 ? kNegative : kIgnored;
  }
};

// Derivative of row i's statistics, weighted by their incoming gradients, by the similarity of one
// of its pairs. `softmax` is exp(s / temperature - lse) of that row and kind.
template <typename value_t>
HOST_DEVICE inline value_t pair_grad(PairKind kind, value_t s, value_t softmax, value_t margin,
                                     value_t inv_temperature, value_t grad_sum, value_t grad_lse,
                                     value_t grad_penalty) {
  const value_t by_lse = grad_lse * softmax * inv_temperature;
  const value_t sign = value_t(s > margin) - value_t(s < margin);
  const value_t by_penalty = kind == kPositive ? grad_penalty * sign
                                               : grad_penalty * value_t(s > value_t(0));
  return grad_sum + by_lse + by_penalty;
}

}  // namespace ariigcn
