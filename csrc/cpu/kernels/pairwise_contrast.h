// Pairwise contrast, forward and backward, for one instruction set; see contrast_*.h.
#pragma once

#include "contrast_grad.h"

namespace ariigcn::ARIIGCN_ISA {

// Packs all rows. Returns the largest squared norm, a bound on similarities.
template <typename T>
T prepare(const PairwiseContrast<T>& in, bool as_right_side) {
  const int64_t blocks = in.pitch / kBlock;
  torch::stable::parallel_for(0, in.num_groups * blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const ContrastGroup<T>& group = in.group[task / blocks];
      if (task % blocks * kBlock < group.count)
        pack_block(in, group, task % blocks, as_right_side);
    }
  });
  T largest = 0;
  for (int64_t g = 0; g < in.num_groups; ++g)
    for (int64_t r = 0; r < in.group[g].count; ++r) {
      const T* row = in.group[g].rows + r * round_to_lanes<T>(in.width);
      vec<T> squares{};
      for_vectors<T>(in.width, [&](int64_t k, auto read, auto) {
        const vec<T> x = read(row + k);
        squares += x * x;
      });
      const T norm = sum<T>(squares);
      if (!(norm <= largest)) largest = norm;  // a norm that is not a number stays
    }
  return largest;
}

template <typename T>
bool needs_shift(const PairwiseContrast<T>& in, T largest_square) {
  return !(largest_square * in.inv_temperature <= kLargestExponent<T>);
}

template <typename T>
void write_stats(const PairwiseContrast<T>& in, bool shifted) {
  for (int64_t g = 0; g < in.num_groups; ++g)
    for (int64_t r = 0; r < in.group[g].count; ++r) {
      const double* total = in.total + g * kNumStats * in.pitch + r;
      T* out = in.stats + g * kNumStats * in.size + in.group[g].position[r];
      for (int k = 0; k < kNumStats; ++k) out[k * in.size] = T(total[k * in.pitch]);
      for (const int side : {0, 1}) {
        if (total[(kCountPos + side) * in.pitch] == 0) continue;
        const double shift = shifted ? in.largest[(g * 2 + side) * in.pitch + r] : 0;
        out[(kLsePos + side) * in.size] =
            T(std::log(total[(kLsePos + side) * in.pitch]) + shift);
      }
    }
}

template <typename T>
void pairwise_contrast(const PairwiseContrast<T>& in) {
  const bool shifted = needs_shift(in, prepare(in, false));
  if (shifted) reduce_all(in, Pass::kLargest);
  reduce_all(in, shifted ? Pass::kShiftedStats : Pass::kStats);
  write_stats(in, shifted);
}

template <typename T>
void prepare_factors(const PairwiseContrastGrad<T>& in, bool shifted) {
  const PairwiseContrast<T>& forward = in.forward;
  for (int64_t g = 0; g < forward.num_groups; ++g)
    for (int64_t r = 0; r < forward.group[g].count; ++r)
      for (const int side : {0, 1}) {
        const int64_t at = g * kNumStats * forward.size + forward.group[g].position[r];
        const auto of = [&](int stat) { return at + (stat + side) * forward.size; };
        T* factor = in.factor + (g * 2 + side) * kNumFactors * forward.pitch + r;
        const T lse = in.stats[of(kLsePos)], by_exp = in.grad[of(kLsePos)] * forward.inv_temperature;
        factor[kOfSum * forward.pitch] = in.grad[of(kSumPos)];
        factor[kOfExp * forward.pitch] = shifted ? by_exp : by_exp * std::exp(-lse);
        factor[kOfPenalty * forward.pitch] = in.grad[of(kMarginPos)];
        factor[kShift * forward.pitch] = lse;
      }
}

template <typename T>
void pairwise_contrast_backward(const PairwiseContrastGrad<T>& in) {
  const bool shifted = needs_shift(in.forward, prepare(in.forward, true));
  prepare_factors(in, shifted);
  if (shifted)
    differentiate_all<T, true>(in);
  else
    differentiate_all<T, false>(in);
}

}  // namespace ariigcn::ARIIGCN_ISA
