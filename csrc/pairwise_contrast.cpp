// The pairwise contrast and its losses as torch knows them.
#include <torch/csrc/stable/library.h>

STABLE_TORCH_LIBRARY_FRAGMENT(ariigcn, m) {
  m.def(
      "pairwise_contrast(Tensor z, Tensor label, Tensor modality, Tensor utterance, int positives,"
      " int negatives, float temperature, float margin, int fp32_precision) -> Tensor");
  m.def(
      "pairwise_contrast_backward(Tensor grad, Tensor stats, Tensor z, Tensor label,"
      " Tensor modality, Tensor utterance, int positives, int negatives, float temperature,"
      " float margin, int fp32_precision) -> Tensor");
  m.def(
      "contrast_loss(Tensor feat, Tensor label, Tensor modality, Tensor utterance, int positives,"
      " int negatives, int form, int margin_mode, float temperature, float margin,"
      " int fp32_precision) -> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)");
  m.def(
      "contrast_loss_backward(Tensor grad, Tensor z, Tensor inverse, Tensor stats, Tensor slope,"
      " Tensor anchors, Tensor feat, Tensor label, Tensor modality, Tensor utterance,"
      " int positives, int negatives, int form, int margin_mode, float temperature, float margin,"
      " int fp32_precision) -> Tensor");
}
