// Which pairs of rows the pairwise contrast counts and what it sums, for CPU and CUDA.
#pragma once

#include "numeric.h"

namespace ariigcn {

enum PairKind { kIgnored, kPositive, kNegative };

// What is summed over the positives and negatives of a row, in the order of the output.
enum ContrastStat {
  kCountPos,
  kCountNeg,
  kSumPos,  // sum of s
  kSumNeg,
  kLsePos,  // log sum exp of s / temperature; 0 for an empty set
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

}  // namespace ariigcn
