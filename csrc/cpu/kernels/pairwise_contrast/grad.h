// Backward: the similarities once more, a block of pairs at a time, and their derivatives, each of
// which belongs to both of its rows.
#pragma once

#include "stats.h"

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

// Turns similarities of a run of rows with a panel into derivatives.
template <typename T, bool shifted>
void differentiate(const Chunk<T>& chunk, const Factors<T>& factors, const Run& run) {
  for (int v = 0; v < chunk.vectors(); ++v)
    for (int64_t r = run.begin; r < run.end; ++r) {
      const int64_t row = chunk.row + r, column = chunk.column + v * kLanes<T>;
      const vec<T> s = chunk.load_similarity(r, v);
      const auto of = [&](int side) {
        return derivative<T, shifted>(chunk.in, factors, side, row, column, s);
      };
      const codes<T> index = load(chunk.group.index + column), zero{};
      const codes<T> usable = (index >= zero) & (index != code_t<T>(row) + zero);
      vec<T> grad{};
      if (run.kind[v] == kPositive) grad = keep<T>(of(0), usable);
      if (run.kind[v] == kNegative) grad = keep<T>(of(1), usable);
      if (run.kind[v] == kMixed) {
        const KindMasks<T> masks(chunk.in, chunk.group, row, column, usable);
        grad = keep<T>(of(0), masks.positive) + keep<T>(of(1), masks.negative);
      }
      store(chunk.similarity + r * chunk.stride + v * kLanes<T>, grad);
    }
}

template <typename T>
struct PairBlock {
  alignas(64) T pair[kBlock][kBlock];
};

// Derivatives by the similarities of two blocks of rows; whether there is any.
template <typename T, bool shifted>
bool fill_block(const PairwiseContrastGrad<T>& in, int64_t g, int64_t first, int64_t rows,
                int64_t second, int64_t columns, PairBlock<T>& block) {
  const PairwiseContrast<T>& forward = in.forward;
  const ContrastGroup<T>& group = forward.group[g];
  const Factors<T> factors{in.factor + g * 2 * kNumFactors * forward.pitch, forward.pitch};
  const ColumnIds<T> ids(forward, group, second, second + columns);
  bool any = false;
  for (int64_t j = 0; j < columns; j += kPanel<T>)
    for (int64_t i = 0; i < rows; i += kChunk) {
      const Chunk<T> chunk{
          forward,           group, first + i, std::min(kChunk, rows - i), second + j,
          &block.pair[i][j], kBlock};
      Run runs[kChunk];
      const int num_runs = split(chunk, ids, runs);
      any |= num_runs > 0;
      if (num_runs > 0) multiply(chunk, false);
      for (int n = 0; n < num_runs; ++n) differentiate<T, shifted>(chunk, factors, runs[n]);
      if (num_runs == 0)
        for (int64_t r = 0; r < chunk.count; ++r)
          std::fill_n(block.pair[i + r] + j, std::min(kPanel<T>, columns - j), T(0));
    }
  return any;
}

// grad_z of rows `first`.. += weight (count, depth) x the block of rows at `second`.
template <typename T>
void add_gradient(const PairwiseContrastGrad<T>& in, int64_t g, int64_t first, int64_t count,
                  int64_t second, int64_t depth, const T* weight, int64_t stride) {
  const int64_t width = in.forward.width;
  const ContrastGroup<T>& group = in.forward.group[g];
  const T* panels = group.block_rows + second * round_to_lanes<T>(width);
  T* grad_z = in.grad_z + g * in.forward.size * width;
  for (int64_t k = 0; k < width; k += kPanel<T>) {
    const int64_t columns = std::min(kPanel<T>, width - k);
    multiply_panel<T>(
        count, depth, [&](int64_t r) { return weight + r * stride; }, panels + k * kBlock,
        round_to_lanes<T>(columns), columns,
        [&](int64_t r) { return grad_z + group.position[first + r] * width + k; }, true,
        [](int64_t) {});
  }
}

template <typename T, bool shifted>
void differentiate_blocks(const PairwiseContrastGrad<T>& in, int64_t g, int64_t first,
                          int64_t second) {
  const int64_t count = in.forward.group[g].count;
  const int64_t rows = std::min(kBlock, count - first), columns = std::min(kBlock, count - second);
  PairBlock<T> block, transposed;
  if (!fill_block<T, shifted>(in, g, first, rows, second, columns, block)) return;
  add_gradient(in, g, first, rows, second, columns, block.pair[0], kBlock);
  if (first == second) return;
  pack_columns<T>({block.pair[0], kBlock, columns, rows, true}, 0, rows, transposed.pair[0]);
  add_gradient(in, g, second, columns, first, rows, transposed.pair[0], round_to_lanes<T>(rows));
}

template <typename T, bool shifted>
void differentiate_all(const PairwiseContrastGrad<T>& in) {
  const int64_t team = team_size(in.forward.pitch);
  for_all_pairs(in.forward, team, [&](int64_t g, int64_t a, int64_t b) {
    const int64_t count = in.forward.group[g].count;
    const int64_t end_a = std::min(count, (a + 1) * team), end_b = std::min(count, (b + 1) * team);
    for (int64_t i = a * team; i < end_a; i += kBlock)
      for (int64_t j = std::max(i, b * team); j < end_b; j += kBlock)
        differentiate_blocks<T, shifted>(in, g, i, j);
  });
}

}  // namespace ariigcn::ARIIGCN_ISA
