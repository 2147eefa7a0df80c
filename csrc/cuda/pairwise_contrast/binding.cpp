// The pairwise contrast on CUDA.
#include <torch/csrc/stable/accelerator.h>
#include <torch/csrc/stable/library.h>

#include "../../dispatch.h"
#include "../../pairwise_contrast.h"
#include "../binding.h"
#include "../stream.h"
#include "launchers.h"

namespace {
using namespace ariigcn;
using torch::stable::Tensor;

template <typename scalar_t>
ContrastInput<cuda_t<scalar_t>> arguments(const ContrastInputs& in) {
  using acc = acc_t<scalar_t>;
  const auto ids = [](const Tensor& t) { return t.const_data_ptr<int64_t>(); };
  return {
      in.z.size(0),     in.z.size(1),      in.z.size(2), input<scalar_t>(in.z),   ids(in.label),
      ids(in.modality), ids(in.utterance), in.rule,      acc(1 / in.temperature), acc(in.margin)};
}

// Partial results of the blocks that share a tile of rows.
Tensor partial_sums(const Tensor& z, std::initializer_list<int64_t> of_a_part) {
  std::vector<int64_t> shape{z.size(0), contrast_parts(z.size(0), z.size(1))};
  shape.insert(shape.end(), of_a_part);
  return torch::stable::new_empty(z, shape, stats_type(z));
}

struct Cuda {
  static void check(const Checks&) {}

  static void forward(const ContrastInputs& in, Tensor& stats) {
    const torch::stable::accelerator::DeviceGuard guard(in.z.get_device_index());
    Tensor partial = partial_sums(in.z, {kNumPartialStats, in.z.size(1)});
    const auto stream = current_stream(in.z.get_device_index());
    DISPATCH_FLOATING(
        in.z, "pairwise_contrast", using acc = acc_t<scalar_t>;
        check_launch(launch_pairwise_contrast(arguments<scalar_t>(in), in.tf32,
                                              output<acc>(partial), output<acc>(stats), stream),
                     "pairwise_contrast"));
  }
  static void backward(const ContrastInputs& in, const Tensor& grad, const Tensor& stats,
                       Tensor& grad_z) {
    const torch::stable::accelerator::DeviceGuard guard(in.z.get_device_index());
    Tensor partial = partial_sums(in.z, {in.z.size(1), in.z.size(2)});
    const auto stream = current_stream(in.z.get_device_index());
    DISPATCH_FLOATING(in.z, "pairwise_contrast_backward", using acc = acc_t<scalar_t>; check_launch(
                          launch_pairwise_contrast_backward(
                              arguments<scalar_t>(in), in.tf32, input<acc>(grad), input<acc>(stats),
                              output<acc>(partial), output<scalar_t>(grad_z), stream),
                          "pairwise_contrast_backward"));
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ariigcn, CUDA, m) {
  m.impl("pairwise_contrast", TORCH_BOX(&pairwise_contrast<Cuda>));
  m.impl("pairwise_contrast_backward", TORCH_BOX(&pairwise_contrast_backward<Cuda>));
}
