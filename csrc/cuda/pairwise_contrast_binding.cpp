// CUDA implementations of pairwise_contrast and pairwise_contrast_backward.
#include "pairwise_contrast.h"

#include <torch/csrc/stable/accelerator.h>
#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>

#include "../dispatch.h"
#include "../pairwise_contrast_checks.h"
#include "binding.h"
#include "stream.h"

namespace {
using namespace ariigcn;
using torch::stable::Tensor;

struct Arguments {
  const Tensor &z, &label, &modality, &utterance;
  int64_t positives, negatives;
  double temperature, margin;

  template <typename scalar_t>
  ContrastInput<cuda_t<scalar_t>> as() const {
    using acc = acc_t<scalar_t>;
    return {z.size(0),
            z.size(1),
            z.size(2),
            input<scalar_t>(z),
            label.const_data_ptr<int64_t>(),
            modality.const_data_ptr<int64_t>(),
            utterance.const_data_ptr<int64_t>(),
            {positives, negatives},
            acc(1 / temperature),
            acc(margin)};
  }

  int64_t parts() const { return contrast_parts(z.size(0), z.size(1)); }
};

template <typename scalar_t>
cudaError_t forward(const Arguments& arguments, bool tf32, Tensor& partial, Tensor& stats) {
  using acc = acc_t<scalar_t>;
  return launch_pairwise_contrast(arguments.as<scalar_t>(), tf32, output<acc>(partial),
                                  output<acc>(stats), current_stream(stats.get_device_index()));
}

template <typename scalar_t>
cudaError_t backward(const Arguments& arguments, bool tf32, const Tensor& grad, const Tensor& stats,
                     Tensor& partial, Tensor& grad_z) {
  using acc = acc_t<scalar_t>;
  return launch_pairwise_contrast_backward(
      arguments.as<scalar_t>(), tf32, input<acc>(grad), input<acc>(stats), output<acc>(partial),
      output<scalar_t>(grad_z), current_stream(grad_z.get_device_index()));
}

Tensor pairwise_contrast(const Tensor& z, const Tensor& label, const Tensor& modality,
                         const Tensor& utterance, int64_t positives, int64_t negatives,
                         double temperature, double margin, bool tf32) {
  const torch::stable::accelerator::DeviceGuard guard(z.get_device_index());
  const Arguments arguments{z,         label,     modality,    utterance,
                            positives, negatives, temperature, margin};
  check_pairwise_contrast("pairwise_contrast", arguments);
  const int64_t groups = z.size(0), size = z.size(1);
  Tensor partial = torch::stable::new_empty(z, {groups, arguments.parts(), kNumPartialStats, size},
                                            acc_dtype(z));
  Tensor stats = torch::stable::new_empty(z, {groups, kNumStats, size}, acc_dtype(z));
  cudaError_t error = cudaSuccess;
  DISPATCH_FLOATING(z, "pairwise_contrast",
                    error = forward<scalar_t>(arguments, tf32, partial, stats));
  check_launch(error, "pairwise_contrast");
  return stats;
}

Tensor pairwise_contrast_backward(const Tensor& grad, const Tensor& stats, const Tensor& z,
                                  const Tensor& label, const Tensor& modality,
                                  const Tensor& utterance, int64_t positives, int64_t negatives,
                                  double temperature, double margin, bool tf32) {
  const torch::stable::accelerator::DeviceGuard guard(z.get_device_index());
  const Arguments arguments{z,         label,     modality,    utterance,
                            positives, negatives, temperature, margin};
  const Checks check = check_pairwise_contrast("pairwise_contrast_backward", arguments);
  check.placed("grad", grad, acc_dtype(z), {z.size(0), kNumStats, z.size(1)});
  check.placed("stats", stats, acc_dtype(z), {z.size(0), kNumStats, z.size(1)});
  Tensor partial = torch::stable::new_empty(z, {z.size(0), arguments.parts(), z.size(1), z.size(2)},
                                            acc_dtype(z));
  Tensor grad_z = torch::stable::empty_like(z);
  cudaError_t error = cudaSuccess;
  DISPATCH_FLOATING(z, "pairwise_contrast_backward",
                    error = backward<scalar_t>(arguments, tf32, grad, stats, partial, grad_z));
  check_launch(error, "pairwise_contrast_backward");
  return grad_z;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ariigcn, CUDA, m) {
  m.impl("pairwise_contrast", TORCH_BOX(&pairwise_contrast));
  m.impl("pairwise_contrast_backward", TORCH_BOX(&pairwise_contrast_backward));
}
