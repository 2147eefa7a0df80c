// Statistics of rows: of the pairs of a lane, of all lanes, and of all parts.
#pragma once

#include <cuda_runtime_api.h>

#include "../../contrast_term.h"
#include "../warp.h"
#include "exponential.h"
#include "pair_kind.h"

namespace ariigcn {

// log2 sum exp2 of values: shift + log2(total). Where values may be large the shift is the largest,
// else it stays 0.
template <typename value_t>
struct LogSumExp {
  value_t shift = 0, total = 0;

  // Values may be as large as `x` from now on.
  __device__ void rescale(value_t x) {
    if (!(x > shift)) return;
    total *= std::exp2(shift - x);
    shift = x;
  }
  __device__ void merge(const LogSumExp& other) {
    rescale(other.shift);
    if (other.total != value_t(0)) total += other.total * std::exp2(other.shift - shift);
  }
};

// Statistics of a row over some of its positives, or negatives. The penalty of negatives is the sum
// of |x|, from which that of max(x, 0) follows: an instruction less for each pair.
template <typename value_t>
struct SideStats {
  value_t count = 0, sum = 0, penalty = 0;
  LogSumExp<value_t> lse;

  __device__ void merge(const SideStats& other) {
    count += other.count;
    sum += other.sum;
    penalty += other.penalty;
    lse.merge(other.lse);
  }

  // The statistics of lane `lane() ^ mask`.
  __device__ SideStats of_lane(int mask) const {
    const auto theirs = [&](value_t x) { return __shfl_xor_sync(0xffffffffu, x, mask); };
    SideStats other;
    other.count = theirs(count);
    other.sum = theirs(sum);
    other.penalty = theirs(penalty);
    other.lse.shift = theirs(lse.shift);
    other.lse.total = theirs(lse.total);
    return other;
  }

  // Of a table (kValues, 2, size): `at` is its first value, of this row and side.
  static constexpr int kValues = 5;
  __device__ void store(value_t* at, int64_t size) const {
    const value_t values[kValues] = {count, sum, penalty, lse.shift, lse.total};
    for (int k = 0; k < kValues; ++k) at[2 * k * size] = values[k];
  }
  __device__ static SideStats load(const value_t* at, int64_t size) {
    SideStats side;
    side.count = at[0];
    side.sum = at[2 * size];
    side.penalty = at[4 * size];
    side.lse.shift = at[6 * size];
    side.lse.total = at[8 * size];
    return side;
  }

  __device__ ContrastSide<value_t> finished(bool negatives) const {
    const value_t log = (lse.shift + std::log2(lse.total)) * value_t(kLn2);
    return {count, sum, lse.total == value_t(0) ? value_t(0) : log,
            negatives ? (sum + penalty) / 2 : penalty};
  }
};

template <typename value_t>
struct RowStats {
  SideStats<value_t> side[2];  // positives, negatives

  __device__ void start(bool shifted) {
    for (auto& of : side) of.lse.shift = shifted ? -kInfinity<value_t> : value_t(0);
  }

  // Similarities at most as large as these may follow.
  template <typename Share>
  __device__ void rescale(const Share& s, int r, const RowKinds& kinds, value_t scale) {
    value_t largest[] = {-kInfinity<value_t>, -kInfinity<value_t>};
#pragma unroll
    for (int c = 0; c < Share::kCount; ++c)
#pragma unroll
      for (int k = 0; k < 2; ++k)
        if (kinds.is(PairKind(1 + k), c) && s(r, c) * scale > largest[k])
          largest[k] = s(r, c) * scale;
    for (int k = 0; k < 2; ++k) side[k].lse.rescale(largest[k]);
  }

  // `scale` turns similarities into the base-2 logarithms of what is summed.
  template <Exponentials kExponentials, typename Share>
  __device__ void add(const Share& s, int r, const RowKinds& kinds, value_t scale, value_t margin) {
    for (int k = 0; k < 2; ++k) side[k].count += value_t(kinds.count(PairKind(1 + k)));
#pragma unroll
    for (int c = 0; c < Share::kCount; ++c) {
      const value_t x = s(r, c);
      const bool positive = kinds.is(kPositive, c), negative = kinds.is(kNegative, c);
      value_t exponential = 0;
      if constexpr (kExponentials != Exponentials::kNone) {
        value_t log = x * scale;
        if constexpr (kExponentials == Exponentials::kShifted)
          log -= negative ? side[1].lse.shift : side[0].lse.shift;
        exponential = exp2_or_zero(log);
      }
      if (positive) {
        side[0].sum += x;
        side[0].penalty += std::abs(x - margin);
        if constexpr (kExponentials != Exponentials::kNone) side[0].lse.total += exponential;
      }
      if (negative) {
        side[1].sum += x;
        side[1].penalty += std::abs(x);  // see `finished`
        if constexpr (kExponentials != Exponentials::kNone) side[1].lse.total += exponential;
      }
    }
  }

  __device__ void merge_lanes(int lanes) {
    for (int mask = 1; mask < lanes; mask *= 2)
      for (int k = 0; k < 2; ++k) side[k].merge(side[k].of_lane(mask));
  }
};

}  // namespace ariigcn
