// The pairwise contrast as an operator, alike on every device: what it is given, what that must be,
// and the tensor it returns. `Backend` computes it on a device:
//   check(checks), forward(inputs, stats), backward(inputs, grad, stats, grad_z).
#pragma once

#include <torch/csrc/stable/ops.h>

#include <algorithm>
#include <cmath>

#include "checks.h"
#include "fp32_precision.h"
#include "pair_rule.h"

namespace ariigcn {

struct [[gnu::visibility("hidden")]] ContrastInputs {
  using Tensor = torch::stable::Tensor;

  const Tensor &z, &label, &modality, &utterance;
  PairRule rule;
  double temperature, margin;
  Fp32Precision fp32_precision;  // read by CUDA only
};

// As the operators are given them.
inline ContrastInputs contrast_inputs(const ContrastInputs::Tensor& z,
                                      const ContrastInputs::Tensor& label,
                                      const ContrastInputs::Tensor& modality,
                                      const ContrastInputs::Tensor& utterance, int64_t positives,
                                      int64_t negatives, double temperature, double margin,
                                      int64_t fp32_precision) {
  return {z,
          label,
          modality,
          utterance,
          {positives, negatives},
          temperature,
          margin,
          Fp32Precision(fp32_precision)};
}

inline Checks check_contrast(const char* op, const ContrastInputs& in) {
  Checks::dim(op, "z", in.z, 3);
  const Checks check(op, in.z);
  const int64_t groups = in.z.size(0), size = in.z.size(1);
  const int64_t positives = in.rule.positives, negatives = in.rule.negatives;
  check.floating();
  STD_TORCH_CHECK(std::max(size, in.z.size(2)) <= kMostNumbers, op, ": more than ", kMostNumbers,
                  " rows in a group, or elements in a row");
  check.values("z", in.z, {groups, size, in.z.size(2)});
  check.int64("label", in.label, {groups, size});
  check.int64("modality", in.modality, {groups, size});
  check.int64("utterance", in.utterance, {groups, size});
  check.require((positives | negatives) >> 8 == 0 && (positives & negatives) == 0,
                "positives and negatives must be different sets of the codes 0 to 7");
  check.require(in.temperature > 0 && std::isfinite(in.temperature),
                "temperature must be positive");
  check.require(std::isfinite(in.margin), "margin must be finite");
  const auto precision = int64_t(in.fp32_precision);
  check.require(precision >= 0 && precision < kNumFp32Precisions, "unknown fp32_precision");
  return check;
}

// Statistics are kept in the type of sums.
inline Checks::ScalarType stats_type(const ContrastInputs::Tensor& z) {
  return z.scalar_type() == Checks::ScalarType::Double ? Checks::ScalarType::Double
                                                       : Checks::ScalarType::Float;
}

template <typename Backend>
torch::stable::Tensor pairwise_contrast(const ContrastInputs::Tensor& z,
                                        const ContrastInputs::Tensor& label,
                                        const ContrastInputs::Tensor& modality,
                                        const ContrastInputs::Tensor& utterance, int64_t positives,
                                        int64_t negatives, double temperature, double margin,
                                        int64_t fp32_precision) {
  const auto in = contrast_inputs(z, label, modality, utterance, positives, negatives, temperature,
                                  margin, fp32_precision);
  Backend::check(check_contrast("pairwise_contrast", in));
  torch::stable::Tensor stats =
      torch::stable::new_empty(z, {z.size(0), kNumStats, z.size(1)}, stats_type(z));
  Backend::forward(in, stats);
  return stats;
}

template <typename Backend>
torch::stable::Tensor pairwise_contrast_backward(
    const ContrastInputs::Tensor& grad, const ContrastInputs::Tensor& stats,
    const ContrastInputs::Tensor& z, const ContrastInputs::Tensor& label,
    const ContrastInputs::Tensor& modality, const ContrastInputs::Tensor& utterance,
    int64_t positives, int64_t negatives, double temperature, double margin,
    int64_t fp32_precision) {
  const auto in = contrast_inputs(z, label, modality, utterance, positives, negatives, temperature,
                                  margin, fp32_precision);
  const Checks check = check_contrast("pairwise_contrast_backward", in);
  Backend::check(check);
  check.placed("grad", grad, stats_type(z), {z.size(0), kNumStats, z.size(1)});
  check.placed("stats", stats, stats_type(z), {z.size(0), kNumStats, z.size(1)});
  torch::stable::Tensor grad_z = torch::stable::empty_like(z);
  Backend::backward(in, grad, stats, grad_z);
  return grad_z;
}

}  // namespace ariigcn
