// Backward: the similarities once more, a block of pairs at a time, and their derivatives, each of
// which belongs to both of its rows.
#pragma once

#include "contrast_stats.h"

namespace ariigcn::ARIIGCN_ISA {

// Of a row and a kind: incoming gradients of its sum, of its log-sum-exp (over the temperature,
// and times exp(-lse) unless exponentials need a shift) and of its penalty; the shift.
enum Factor { kOfSum, kOfExp, kOfPenalty, kShift };

template <typename T>
struct Factors {
  const T* data;
  int64_t pitch;

  const T* operator()(int factor, int side) const {
    return data + (side * kNumFactors + factor) * pitch;
  }
};

template <typename T, bool shifted>
inline vec<T> derivative(const PairwiseContrast<T>& in, const Factors<T>& factors, int side,
                         int64_t row, int64_t column, vec<T> s) {
  const auto of_row = [&](int factor) { return factors(factor, side)[row]; };
  const auto of_column = [&](int factor) { return load(factors(factor, side) + column); };
  vec<T> grad = of_column(kOfSum) + of_row(kOfSum);
  if constexpr (shifted) {
    const vec<T> x = s * in.inv_temperature;
    grad += of_row(kOfExp) * exp<T>(x - of_row(kShift));
    grad += of_column(kOfExp) * exp<T>(x - of_column(kShift));
  } else {
    grad += (of_column(kOfExp) + of_row(kOfExp)) * exp_scaled<T>(s, in.inv_temperature);
  }
  const vec<T> by_penalty = of_column(kOfPenalty) + of_row(kOfPenalty), zero{};
  if (side == 1) return grad + (s > zero ? by_penalty : zero);
  return grad + (s > in.margin + zero ? by_penalty : zero) -
         (s < in.margin + zero ? by_penalty : zero);
}

// Turns similarities of a row with a panel into derivatives.
template <typename T, bool shifted>
void differentiate(const PairwiseContrast<T>& in, const ContrastGroup<T>& group,
                   const Factors<T>& factors, int kind, int64_t row, int64_t column,
                   T* similarity) {
#pragma GCC unroll 4
  for (int v = 0; v < kPanelVectors; ++v) {
    const int64_t at = column + v * kLanes<T>;
    const vec<T> s = load(similarity + v * kLanes<T>);
    vec<T> grad{};
    if (kind == kPositive) grad = derivative<T, shifted>(in, factors, 0, row, at, s);
    if (kind == kNegative) grad = derivative<T, shifted>(in, factors, 1, row, at, s);
    if (kind == kMixed) {
      const codes<T> index = load(group.index + at), zero{};
      const KindMasks<T> masks(in, group, row, at,
                               (index >= zero) & (index != code_t<T>(row) + zero));
      grad = keep<T>(derivative<T, shifted>(in, factors, 0, row, at, s), masks.positive) +
             keep<T>(derivative<T, shifted>(in, factors, 1, row, at, s), masks.negative);
    }
    store(similarity + v * kLanes<T>, grad);
  }
}

template <typename T>
struct Block {
  alignas(64) T pair[kBlock][kBlock];
};

// Derivatives by the similarities of two blocks of rows; whether there is any.
template <typename T, bool shifted>
bool fill_block(const PairwiseContrastGrad<T>& in, int64_t g, int64_t first, int64_t rows,
                int64_t second, int64_t columns, Block<T>& block) {
  const PairwiseContrast<T>& forward = in.forward;
  const ContrastGroup<T>& group = forward.group[g];
  const Factors<T> factors{in.factor + g * 2 * kNumFactors * forward.pitch, forward.pitch};
  bool any_in_block = false;
  for (int64_t j = 0; j < columns; j += kPanel<T>) {
    const PanelKinds<T> kinds(forward, group, second + j);
    const bool inside = first != second && j + kPanel<T> <= columns;
    for (int64_t i = 0; i < rows; i += kChunk) {
      const int64_t count = std::min(kChunk, rows - i);
      int kind[kChunk];
      bool any = false;
      for (int64_t r = 0; r < count; ++r) {
        kind[r] = kinds(first + i + r);
        any |= kind[r] != kIgnored;
        if (!inside && kind[r] != kIgnored) kind[r] = kMixed;
        for (int64_t k = 0; k < kPanel<T>; ++k) block.pair[i + r][j + k] = 0;
      }
      if (!any) continue;
      any_in_block = true;
      add_similarities(forward, group, first + i, count, second + j,
                       [&](int64_t r) { return &block.pair[i + r][j]; });
      for (int64_t r = 0; r < count; ++r)
        differentiate<T, shifted>(forward, group, factors, kind[r], first + i + r, second + j,
                                  &block.pair[i + r][j]);
    }
  }
  return any_in_block;
}

// grad_z of rows `first`.. += weight (count, depth) x the block of rows at `second`.
template <typename T>
void add_gradient(const PairwiseContrastGrad<T>& in, int64_t g, int64_t first, int64_t count,
                  int64_t second, int64_t depth, const T* weight, int64_t stride) {
  const int64_t width = in.forward.width;
  const ContrastGroup<T>& group = in.forward.group[g];
  const T* panels = group.block_rows + second * round_to_lanes<T>(width);
  T* grad_z = in.grad_z + g * in.forward.size * width;
  for (int64_t k = 0; k < width; k += kPanel<T>)
    add_product<T>(
        count, depth, [&](int64_t r) { return weight + r * stride; }, panels + k * kBlock,
        std::min(kPanel<T>, width - k),
        [&](int64_t r) { return grad_z + group.position[first + r] * width + k; });
}

template <typename T, bool shifted>
void differentiate_blocks(const PairwiseContrastGrad<T>& in, int64_t g, int64_t first,
                          int64_t second) {
  const int64_t count = in.forward.group[g].count;
  const int64_t rows = std::min(kBlock, count - first), columns = std::min(kBlock, count - second);
  Block<T> block, transposed;
  if (!fill_block<T, shifted>(in, g, first, rows, second, columns, block)) return;
  add_gradient(in, g, first, rows, second, columns, block.pair[0], kBlock);
  if (first == second) return;
  pack_columns<T>({block.pair[0], kBlock, columns, rows, true}, 0, rows, transposed.pair[0]);
  add_gradient(in, g, second, columns, first, rows, transposed.pair[0], round_to_lanes<T>(rows));
}

template <typename T, bool shifted>
void differentiate_all(const PairwiseContrastGrad<T>& in) {
  for_all_pairs(in.forward, kBlock, [&](int64_t g, int64_t a, int64_t b) {
    differentiate_blocks<T, shifted>(in, g, a * kBlock, b * kBlock);
  });
}

}  // namespace ariigcn::ARIIGCN_ISA
