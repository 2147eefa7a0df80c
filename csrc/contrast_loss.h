// The contrastive loss as an operator, alike on every device: rows are normalised, their pairs
// reduced to statistics, and these to the mean of what each row adds. `Backend` computes it on a
// device:
//   check(checks), loss(inputs, kind, outputs), loss_backward(inputs, kind, grad, saved,
//   grad_feat);
// the inputs' z are the rows as given.
#pragma once

#include <tuple>

#include "contrast_term.h"
#include "pairwise_contrast.h"

namespace ariigcn {

struct LossKind {
  int64_t form, margin_mode;
};

template <typename value_t>
ContrastTerm<value_t> contrast_term(const ContrastInputs& in, const LossKind& kind) {
  return {ContrastForm(kind.form), MarginMode(kind.margin_mode), value_t(in.temperature),
          value_t(in.margin)};
}

// The results, of which all but the loss are for its derivative: rows of length 1, the inverse of
// their lengths, statistics, derivatives of the sum of all terms by them, and the number of terms.
struct [[gnu::visibility("hidden")]] ContrastLossTensors {
  torch::stable::Tensor loss, z, inverse, stats, slope, anchors;
};

using ContrastLossResults =
    std::tuple<torch::stable::Tensor, torch::stable::Tensor, torch::stable::Tensor,
               torch::stable::Tensor, torch::stable::Tensor, torch::stable::Tensor>;

template <typename Backend>
ContrastLossResults contrast_loss(const ContrastInputs::Tensor& feat,
                                  const ContrastInputs::Tensor& label,
                                  const ContrastInputs::Tensor& modality,
                                  const ContrastInputs::Tensor& utterance, int64_t positives,
                                  int64_t negatives, int64_t form, int64_t margin_mode,
                                  double temperature, double margin, int64_t fp32_precision) {
  const auto in = contrast_inputs(feat, label, modality, utterance, positives, negatives,
                                  temperature, margin, fp32_precision);
  const Checks check = check_contrast("contrast_loss", in);
  Backend::check(check);
  check.require(
      form >= 0 && form < kNumContrastForms && margin_mode >= 0 && margin_mode < kNumMarginModes,
      "form and margin_mode must be among those of contrast_term.h");
  const int64_t groups = feat.size(0), size = feat.size(1);
  const auto values = [&](std::initializer_list<int64_t> shape) {
    return torch::stable::new_empty(feat, shape, stats_type(feat));
  };
  ContrastLossTensors out{values({}),
                          torch::stable::empty_like(feat),
                          values({groups, size}),
                          values({groups, kNumStats, size}),
                          values({groups, kNumStats, size}),
                          values({})};
  Backend::loss(in, {form, margin_mode}, out);
  return {out.loss, out.z, out.inverse, out.stats, out.slope, out.anchors};
}

template <typename Backend>
torch::stable::Tensor contrast_loss_backward(
    const ContrastInputs::Tensor& grad, const ContrastInputs::Tensor& z,
    const ContrastInputs::Tensor& inverse, const ContrastInputs::Tensor& stats,
    const ContrastInputs::Tensor& slope, const ContrastInputs::Tensor& anchors,
    const ContrastInputs::Tensor& feat, const ContrastInputs::Tensor& label,
    const ContrastInputs::Tensor& modality, const ContrastInputs::Tensor& utterance,
    int64_t positives, int64_t negatives, int64_t form, int64_t margin_mode, double temperature,
    double margin, int64_t fp32_precision) {
  const auto in = contrast_inputs(feat, label, modality, utterance, positives, negatives,
                                  temperature, margin, fp32_precision);
  const Checks check = check_contrast("contrast_loss_backward", in);
  Backend::check(check);
  const int64_t groups = feat.size(0), size = feat.size(1);
  const auto type = stats_type(feat);
  check.placed("grad", grad, type, {});
  check.values("z", z, {groups, size, feat.size(2)});
  check.placed("inverse", inverse, type, {groups, size});
  check.placed("stats", stats, type, {groups, kNumStats, size});
  check.placed("slope", slope, type, {groups, kNumStats, size});
  check.placed("anchors", anchors, type, {});
  torch::stable::Tensor grad_feat = torch::stable::empty_like(feat);
  Backend::loss_backward(in, {form, margin_mode}, grad, {grad, z, inverse, stats, slope, anchors},
                         grad_feat);
  return grad_feat;
}

}  // namespace ariigcn
