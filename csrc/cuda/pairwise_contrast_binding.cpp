// CUDA implementations of pairwise_contrast and pairwise_contrast_backward.
#include "pairwise_contrast.h"

#include <torch/csrc/stable/accelerator.h>
#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>

#include "binding.h"
#include "stream.h"

namespace {
using namespace ariigcn;
using torch::headeronly::ScalarType;
using torch::stable::Tensor;

struct Arguments {
  const Tensor &z, &label, &modality, &utterance;
  int64_t positives, negatives;
  double temperature, margin;

  template <typename value_t>
  ContrastInput<value_t> as() const {
    const ContrastRows<value_t> rows{z.size(1),
                                     label.const_data_ptr<int64_t>(),
                                     modality.const_data_ptr<int64_t>(),
                                     utterance.const_data_ptr<int64_t>(),
                                     {positives, negatives},
                                     value_t(1 / temperature),
                                     value_t(margin)};
    return {z.size(0), z.size(2), rows, input<value_t>(z)};
  }
};

template <typename value_t>
cudaError_t forward(const Arguments& arguments, Tensor& stats) {
  return launch_pairwise_contrast(arguments.as<value_t>(), output<value_t>(stats),
                                  current_stream(stats.get_device_index()));
}

template <typename value_t>
cudaError_t backward(const Arguments& arguments, const Tensor& grad, const Tensor& stats,
                     Tensor& grad_z) {
  return launch_pairwise_contrast_backward(arguments.as<value_t>(), input<value_t>(grad),
                                           input<value_t>(stats), output<value_t>(grad_z),
                                           current_stream(grad_z.get_device_index()));
}

Tensor pairwise_contrast(const Tensor& z, const Tensor& label, const Tensor& modality,
                         const Tensor& utterance, int64_t positives, int64_t negatives,
                         double temperature, double margin) {
  const torch::stable::accelerator::DeviceGuard guard(z.get_device_index());
  const Arguments arguments{z,         label,     modality,    utterance,
                            positives, negatives, temperature, margin};
  Tensor stats = torch::stable::new_empty(z, {z.size(0), kNumStats, z.size(1)});
  check_launch(z.scalar_type() == ScalarType::Double ? forward<double>(arguments, stats)
                                                     : forward<float>(arguments, stats),
               "pairwise_contrast");
  return stats;
}

Tensor pairwise_contrast_backward(const Tensor& grad, const Tensor& stats, const Tensor& z,
                                  const Tensor& label, const Tensor& modality,
                                  const Tensor& utterance, int64_t positives, int64_t negatives,
                                  double temperature, double margin) {
  const torch::stable::accelerator::DeviceGuard guard(z.get_device_index());
  const Arguments arguments{z,         label,     modality,    utterance,
                            positives, negatives, temperature, margin};
  Tensor grad_z = torch::stable::empty_like(z);
  check_launch(z.scalar_type() == ScalarType::Double
                   ? backward<double>(arguments, grad, stats, grad_z)
                   : backward<float>(arguments, grad, stats, grad_z),
               "pairwise_contrast_backward");
  return grad_z;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ariigcn, CUDA, m) {
  m.impl("pairwise_contrast", TORCH_BOX(&pairwise_contrast));
  m.impl("pairwise_contrast_backward", TORCH_BOX(&pairwise_contrast_backward));
}
