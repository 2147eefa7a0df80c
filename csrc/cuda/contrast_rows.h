// The mathematics of one pair and one row of the pairwise contrast.
#pragma once

#include <cmath>

#include "../pairwise_contrast.h"

namespace ariigcn {

// Derivative of row i's statistics, weighted by their incoming gradients, by the similarity of one
// of its pairs. `softmax` is exp(s / temperature - lse) of that row and kind.
template <typename value_t>
HOST_DEVICE inline value_t pair_grad(PairKind kind, value_t s, value_t softmax, value_t margin,
                                     value_t inv_temperature, value_t grad_sum, value_t grad_lse,
                                     value_t grad_penalty) {
  const value_t by_lse = grad_lse * softmax * inv_temperature;
  const value_t sign = value_t(s > margin) - value_t(s < margin);
  const value_t by_penalty =
      kind == kPositive ? grad_penalty * sign : grad_penalty * value_t(s > value_t(0));
  return grad_sum + by_lse + by_penalty;
}

// The N rows of one group: their identity and how pairs of them count.
template <typename value_t>
struct ContrastRows {
  int64_t size;
  const int64_t *label, *modality, *utterance;
  PairRule rule;
  value_t inv_temperature, margin;

  // Rows with a negative label take part in no pair, and no row pairs with itself.
  HOST_DEVICE PairKind kind(int64_t i, int64_t j) const {
    if (i == j || label[i] < 0 || label[j] < 0) return kIgnored;
    return rule.kind(label[i] == label[j], modality[i] == modality[j],
                     utterance[i] == utterance[j]);
  }

  // What a pair adds to the last statistic of its kind.
  HOST_DEVICE value_t penalty(PairKind kind, value_t s) const {
    if (kind == kPositive) return s < margin ? margin - s : s - margin;
    return s < value_t(0) ? value_t(0) : s;
  }

  // Derivative of the loss by the similarity of i and j; a pair belongs to both of its rows.
  // `grad` and `stats` are (kNumStats, size).
  HOST_DEVICE value_t similarity_grad(int64_t i, int64_t j, value_t s, const value_t* grad,
                                      const value_t* stats) const {
    const PairKind pair = kind(i, j);
    if (pair == kIgnored) return value_t(0);
    return side(i, pair, s, grad, stats) + side(j, pair, s, grad, stats);
  }

 private:
  HOST_DEVICE value_t side(int64_t i, PairKind pair, value_t s, const value_t* grad,
                           const value_t* stats) const {
    const int64_t at = int64_t(pair == kNegative) * size + i;
    const value_t softmax = std::exp(s * inv_temperature - stats[kLsePos * size + at]);
    return pair_grad(pair, s, softmax, margin, inv_temperature, grad[kSumPos * size + at],
                     grad[kLsePos * size + at], grad[kMarginPos * size + at]);
  }
};

}  // namespace ariigcn
