// What the pairwise contrast kernels are given. The rows that take part in pairs are sorted, so
// that rows of equal identity are neighbours: whole tiles of pairs then are of one kind.
#pragma once

#include <cstdint>
#include <type_traits>

#include "../pair_rule.h"

namespace ariigcn {

constexpr int64_t kContrastBlock = 128;  // rows of a block; blocks pair up

// Integers as wide as T, so that a vector of codes fits a vector of similarities.
template <typename T>
using code_t = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;

enum ContrastId { kClass, kModality, kUtterance, kNumIds };

// The kind of a set of pairs: PairKind, or mixed. An index has a digit, base 3, for each id: 0 if
// it differs in all of them, 1 if it is the same in all of them, else 2.
constexpr int kMixed = 3;
struct KindTable {
  int of[27];

  explicit KindTable(const PairRule& rule) {
    for (int at = 0; at < 27; ++at) {
      bool seen[3] = {};
      for (int code = 0; code < 8; ++code)
        if (possible(code, at)) seen[rule.kind(code & 1, code >> 1 & 1, code >> 2 & 1)] = true;
      const int different = seen[0] + seen[1] + seen[2];
      of[at] = different > 1     ? kMixed
               : seen[kPositive] ? kPositive
               : seen[kNegative] ? kNegative
                                 : kIgnored;
    }
  }

 private:
  static bool possible(int code, int at) {
    for (int k = 0; k < kNumIds; ++k, at /= 3)
      if (at % 3 != 2 && at % 3 != (code >> k & 1)) return false;
    return true;
  }
};

// Of one group.
template <typename T>
struct ContrastGroup {
  int64_t count;                 // rows that take part
  const int64_t* position;       // of each of them among the group's rows of z
  const code_t<T>* id[kNumIds];  // of each of them; `pitch` long, the rest is 0
  const code_t<T>* index;        // 0, 1, ..., count - 1; the rest is -1
  const int64_t* run_end;        // of each of them: the next row of another identity
  const T* z;                    // (size, width)
  T *columns, *block_rows;       // (pitch, width rounded up to a vector), see contrast_rows.h
};

template <typename T>
struct PairwiseContrast {
  int64_t num_groups, size, width;
  int64_t pitch;  // the largest count, rounded up to whole blocks
  const ContrastGroup<T>* group;
  PairRule rule;
  KindTable kinds;
  T inv_temperature, margin;
  double* total;  // (num_groups, kNumStats, pitch)
  T* largest;     // (num_groups, 2, pitch)
  T* square;      // (num_groups, pitch / kContrastBlock): the largest squared norm of a block
  T* stats;       // (num_groups, kNumStats, size)
};

template <typename T>
struct PairwiseContrastGrad {
  PairwiseContrast<T> forward;  // without total, largest
  const T *grad, *stats;        // (num_groups, kNumStats, size)
  T* factor;                    // (num_groups, 2 * kNumFactors, pitch), see contrast_grad.h
  T* grad_z;                    // (num_groups, size, width), zeros
};
constexpr int kNumFactors = 4;

}  // namespace ariigcn
