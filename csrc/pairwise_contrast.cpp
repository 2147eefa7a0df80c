// The pairwise contrast as torch knows it.
#include <torch/csrc/stable/library.h>

STABLE_TORCH_LIBRARY_FRAGMENT(ariigcn, m) {
  m.def(
      "pairwise_contrast(Tensor z, Tensor label, Tensor modality, Tensor utterance, int positives,"
      " int negatives, float temperature, float margin, bool tf32) -> Tensor");
  m.def(
      "pairwise_contrast_backward(Tensor grad, Tensor stats, Tensor z, Tensor label,"
      " Tensor modality, Tensor utterance, int positives, int negatives, float temperature,"
      " float margin, bool tf32) -> Tensor");
}
