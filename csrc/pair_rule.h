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
  HOST_DEVICE PairKind kind(int code) const { return kind(code & 1, code >> 1 & 1, code >> 2 & 1); }

  // Whether the kind of any pair depends on the class (0), modality (1) or utterance (2) being the
  // same.
  bool reads(int id) const {
    for (int code = 0; code < 8; ++code)
      if (kind(code) != kind(code ^ 1 << id)) return true;
    return false;
  }
};

// A rule as one word: the kind of pairs whose identities differ in the set `d` of class (bit 0),
// modality and utterance is `table >> 2 * d & 3`. `read` is the set that the rule reads.
struct PairKinds {
  uint32_t table = 0, read = 0;

  explicit PairKinds(const PairRule& rule) {
    for (int d = 0; d < 8; ++d) table |= uint32_t(rule.kind(7 ^ d)) << 2 * d;
    for (int id = 0; id < 3; ++id) read |= uint32_t(rule.reads(id)) << id;
  }
};

}  // namespace ariigcn
