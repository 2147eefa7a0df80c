// What a row adds to a contrastive loss, by its statistics, and the derivatives, for CPU and CUDA.
#pragma once

#include <cmath>

#include "pair_rule.h"

namespace ariigcn {

// The inverse length of a row with these squares summed up, at most 1e12; 0 for rows that are left
// out: those without a class, and zeros, which have no direction. Not a number where the squares
// are none, or too large: 1 / infinity would pass for a row that is left out.
template <typename value_t>
HOST_DEVICE value_t contrast_inverse(int64_t label, value_t square) {
  if (label < 0 || square == value_t(0)) return 0;
  if (const value_t zero = square - square; zero != value_t(0)) return zero;
  const value_t length = std::sqrt(square), smallest = value_t(1e-12);
  return 1 / (length < smallest ? smallest : length);
}
// Whether a row of that inverse length was brought to length 1, so that its gradient turns it.
template <typename value_t>
HOST_DEVICE bool contrast_turns(value_t inverse) {
  return inverse < 1 / value_t(1e-12);
}

enum class ContrastForm : int64_t { kRatio, kInfoNce, kSupCon };
enum class MarginMode : int64_t { kTarget, kHinge, kTriplet, kOff };
constexpr int64_t kNumContrastForms = 3, kNumMarginModes = 4;

// Over the positives, or negatives, of a row; also derivatives by each.
template <typename value_t>
struct ContrastSide {
  value_t count = 0, sum = 0, lse = 0, penalty = 0;

  // At a row of a side in a table (kNumStats, size).
  HOST_DEVICE static ContrastSide load(const value_t* at, int64_t size) {
    return {at[kCountPos * size], at[kSumPos * size], at[kLsePos * size], at[kMarginPos * size]};
  }
  HOST_DEVICE void store(value_t* at, int64_t size) const {
    at[kCountPos * size] = count;
    at[kSumPos * size] = sum;
    at[kLsePos * size] = lse;
    at[kMarginPos * size] = penalty;
  }
};

template <typename value_t>
struct ContrastTerm {
  ContrastForm form;
  MarginMode mode;
  value_t temperature, margin;

  // Rows without positives or without negatives are no anchors.
  HOST_DEVICE static bool is_anchor(const ContrastSide<value_t>& positive,
                                    const ContrastSide<value_t>& negative) {
    return positive.count > value_t(0) && negative.count > value_t(0);
  }

  // The term of an anchor; adds its derivatives to `by_positive` and `by_negative`.
  HOST_DEVICE value_t operator()(const ContrastSide<value_t>& positive,
                                 const ContrastSide<value_t>& negative,
                                 ContrastSide<value_t>& by_positive,
                                 ContrastSide<value_t>& by_negative) const {
    return form_term(positive, negative, by_positive, by_negative) +
           regulariser(positive, negative, by_positive, by_negative);
  }

 private:
  HOST_DEVICE value_t form_term(const ContrastSide<value_t>& positive,
                                const ContrastSide<value_t>& negative,
                                ContrastSide<value_t>& by_positive,
                                ContrastSide<value_t>& by_negative) const {
    if (form == ContrastForm::kRatio) return ratio(positive, negative, by_positive, by_negative);
    const value_t gap = negative.lse - positive.lse;
    const value_t excess = std::log1p(std::exp(-std::abs(gap)));  // log(1 + e^gap) - max(gap, 0)
    const value_t share = 1 / (1 + std::exp(-gap));  // of the negatives in both sides' exponentials
    by_negative.lse += share;
    if (form == ContrastForm::kInfoNce) {
      by_positive.lse -= share;
      return (gap > 0 ? gap : value_t(0)) + excess;
    }
    by_positive.lse += 1 / (1 + std::exp(gap));
    by_positive.sum -= 1 / (positive.count * temperature);
    const value_t larger = gap > 0 ? negative.lse : positive.lse;
    return larger + excess - positive.sum / positive.count / temperature;
  }

  HOST_DEVICE static value_t ratio(const ContrastSide<value_t>& positive,
                                   const ContrastSide<value_t>& negative,
                                   ContrastSide<value_t>& by_positive,
                                   ContrastSide<value_t>& by_negative) {
    constexpr value_t smallest = value_t(1e-6);  // keeps the logarithm finite: all are antipodal
    const value_t p = (positive.count + positive.sum) / 2;
    const value_t n = (negative.count + negative.sum) / 2;
    const value_t kept_p = p < smallest ? smallest : p, kept_n = n < 0 ? value_t(0) : n;
    if (!(p < smallest)) by_positive.sum -= kept_n / (kept_p * (kept_p + kept_n)) / 2;
    if (!(n < 0)) by_negative.sum += 1 / (kept_p + kept_n) / 2;
    return std::log1p(kept_n / kept_p);
  }

  HOST_DEVICE value_t regulariser(const ContrastSide<value_t>& positive,
                                  const ContrastSide<value_t>& negative,
                                  ContrastSide<value_t>& by_positive,
                                  ContrastSide<value_t>& by_negative) const {
    const value_t share_p = 1 / positive.count, share_n = 1 / negative.count;
    if (mode == MarginMode::kOff) return 0;
    if (mode == MarginMode::kTriplet) {
      const value_t gap = negative.sum * share_n - positive.sum * share_p + margin;
      if (gap < 0) return 0;
      by_negative.sum += share_n;
      by_positive.sum -= share_p;
      return gap;
    }
    by_negative.penalty += share_n;
    if (mode == MarginMode::kTarget) {
      by_positive.penalty += share_p;
      return positive.penalty * share_p + negative.penalty * share_n;
    }
    by_positive.penalty += share_p / 2;  // [x]+ = (|x| + x) / 2, summed over the positives
    by_positive.sum -= share_p / 2;
    const value_t hinge = (positive.penalty + margin * positive.count - positive.sum) / 2;
    return hinge * share_p + negative.penalty * share_n;
  }
};

}  // namespace ariigcn
