// Pairwise contrast, forward and backward, for one instruction set; see contrast_*.h.
#pragma once

#include "grad.h"

namespace ariigcn::ARIIGCN_ISA {

// Packs all rows. Returns whether exponentials of similarities need a shift: a similarity is at
// most the largest squared norm.
template <typename T>
bool prepare(const PairwiseContrast<T>& in) {
  const int64_t blocks = in.pitch / kBlock;
  run_tasks(in.num_groups * blocks, [&] {
    return [&](int64_t task) {
      const ContrastGroup<T>& group = in.group[task / blocks];
      const int64_t first = task % blocks * kBlock;
      const int64_t count = std::clamp<int64_t>(group.count - first, 0, kBlock);
      in.square[task] = pack_similarity_panels(in, group, first, count);
      if (group.block_rows != nullptr) pack_row_panels(in, group, first, count);
    };
  });
  return !std::all_of(in.square, in.square + in.num_groups * blocks,
                      [&](T square) { return square * in.inv_temperature <= kLargestExponent<T>; });
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
        out[(kLsePos + side) * in.size] = T(std::log(total[(kLsePos + side) * in.pitch]) + shift);
      }
    }
}

template <typename T>
void pairwise_contrast(const PairwiseContrast<T>& in) {
  const bool shifted = prepare(in);
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
        const T lse = in.stats[of(kLsePos)],
                by_exp = in.grad[of(kLsePos)] * forward.inv_temperature;
        factor[kOfSum * forward.pitch] = in.grad[of(kSumPos)];
        factor[kOfExp * forward.pitch] = shifted ? by_exp : by_exp * std::exp(-lse);
        factor[kOfPenalty * forward.pitch] = in.grad[of(kMarginPos)];
        factor[kShift * forward.pitch] = lse;
      }
}

template <typename T>
void pairwise_contrast_backward(const PairwiseContrastGrad<T>& in) {
  const bool shifted = prepare(in.forward);
  prepare_factors(in, shifted);
  if (shifted)
    differentiate_all<T, true>(in);
  else
    differentiate_all<T, false>(in);
}

}  // namespace ariigcn::ARIIGCN_ISA
