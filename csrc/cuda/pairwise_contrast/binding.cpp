// The pairwise contrast on CUDA.
#include <torch/csrc/stable/accelerator.h>
#include <torch/csrc/stable/library.h>

#include "../../contrast_loss.h"
#include "../../dispatch.h"
#include "../binding.h"
#include "../stream.h"
#include "launchers.h"

namespace {
using namespace ariigcn;
using torch::stable::Tensor;

// `z` are the rows that are compared.
template <typename scalar_t>
ContrastInput<cuda_t<scalar_t>> arguments(const ContrastInputs& in, const Tensor& z,
                                          Exponentials exponentials) {
  using acc = acc_t<scalar_t>;
  const auto ids = [](const Tensor& t) { return t.const_data_ptr<int64_t>(); };
  return {z.size(0),          z.size(1),          z.size(2),
          input<scalar_t>(z), ids(in.label),      ids(in.modality),
          ids(in.utterance),  PairKinds(in.rule), acc(1 / in.temperature),
          acc(in.margin),     exponentials};
}

// Parts of the gradient by blocks that share a tile of rows.
Tensor parts_of_gradient(const Tensor& z) {
  return torch::stable::new_empty(
      z, {z.size(0), contrast_parts(z.size(0), z.size(1)), z.size(1), z.size(2)}, stats_type(z));
}

// Memory of ContrastScratch.
template <typename value_t>
class Scratch {
 public:
  explicit Scratch(const Tensor& z)
      : values_(torch::stable::new_empty(
            z, {Layout::partials(z.size(0), z.size(1)) + Layout::totals(z.size(0), z.size(1))},
            stats_type(z))),
        counters_(torch::stable::new_empty(z, {Layout::counters(z.size(0), z.size(1))},
                                           torch::headeronly::ScalarType::Int)),
        totals_at_(Layout::partials(z.size(0), z.size(1))) {}

  ContrastScratch<value_t> get() {
    value_t* values = values_.template mutable_data_ptr<value_t>();
    return {values, values + totals_at_,
            reinterpret_cast<unsigned*>(counters_.template mutable_data_ptr<int32_t>())};
  }
  int64_t counters() const { return counters_.numel(); }

 private:
  using Layout = ContrastScratch<value_t>;
  Tensor values_, counters_;
  int64_t totals_at_;
};

Exponentials exponentials_of(const ContrastInputs& in, const LossKind& kind) {
  return exponentials_of(ContrastForm(kind.form), in.temperature);
}

template <typename scalar_t>
ContrastRows<cuda_t<scalar_t>> rows_of(const Tensor& feat, const Tensor& label,
                                       const Tensor& inverse) {
  using acc = acc_t<scalar_t>;
  return {feat.size(0),
          feat.size(1),
          feat.size(2),
          input<scalar_t>(feat),
          label.const_data_ptr<int64_t>(),
          const_cast<acc*>(inverse.const_data_ptr<acc>())};
}

template <typename scalar_t>
void run_forward(const ContrastInputs& in, Tensor& stats, cudaStream_t stream) {
  using acc = acc_t<scalar_t>;
  const char* op = "pairwise_contrast";
  Scratch<acc> scratch(in.z);
  const auto memory = scratch.get();
  const int64_t bytes = scratch.counters() * int64_t(sizeof(unsigned));
  check_launch(cudaMemsetAsync(memory.counter, 0, bytes, stream), op);
  check_launch(
      launch_pairwise_contrast(arguments<scalar_t>(in, in.z, Exponentials::kShifted),
                               in.fp32_precision, memory, output<acc>(stats), nullptr, stream),
      op);
}

template <typename scalar_t>
void run_backward(const ContrastInputs& in, const Tensor& grad, const Tensor& stats, Tensor& grad_z,
                  cudaStream_t stream) {
  using acc = acc_t<scalar_t>;
  const char* op = "pairwise_contrast_backward";
  Tensor partial = parts_of_gradient(in.z);
  check_launch(launch_pairwise_contrast_backward(
                   arguments<scalar_t>(in, in.z, Exponentials::kShifted), in.fp32_precision,
                   input<acc>(grad), input<acc>(stats), output<acc>(partial), stream),
               op);
  check_launch(
      launch_contrast_sum<cuda_t<scalar_t>>(in.z.size(0), in.z.size(1), in.z.size(2),
                                            input<acc>(partial), output<scalar_t>(grad_z), stream),
      op);
}

template <typename scalar_t>
void run_loss(const ContrastInputs& in, const LossKind& kind, ContrastLossTensors& out,
              cudaStream_t stream) {
  using acc = acc_t<scalar_t>;
  const char* op = "contrast_loss";
  Scratch<acc> scratch(in.z);
  const auto memory = scratch.get();
  const ContrastLossOutput<acc> to{contrast_term<acc>(in, kind), output<acc>(out.slope),
                                   output<acc>(out.loss), output<acc>(out.anchors)};
  check_launch(launch_normalise_rows(rows_of<scalar_t>(in.z, in.label, out.inverse),
                                     output<scalar_t>(out.z), memory.counter, stream),
               op);
  check_launch(
      launch_pairwise_contrast(arguments<scalar_t>(in, out.z, exponentials_of(in, kind)),
                               in.fp32_precision, memory, output<acc>(out.stats), &to, stream),
      op);
}

template <typename scalar_t>
void run_loss_backward(const ContrastInputs& in, const LossKind& kind, const Tensor& grad,
                       const ContrastLossTensors& saved, Tensor& grad_feat, cudaStream_t stream) {
  using acc = acc_t<scalar_t>;
  const char* op = "contrast_loss_backward";
  Tensor partial = parts_of_gradient(in.z);
  check_launch(launch_pairwise_contrast_backward(
                   arguments<scalar_t>(in, saved.z, exponentials_of(in, kind)), in.fp32_precision,
                   input<acc>(saved.slope), input<acc>(saved.stats), output<acc>(partial), stream),
               op);
  check_launch(
      launch_normalise_rows_backward(rows_of<scalar_t>(in.z, in.label, saved.inverse),
                                     input<acc>(grad), input<acc>(saved.anchors),
                                     output<acc>(partial), output<scalar_t>(grad_feat), stream),
      op);
}

struct Cuda {
  static void check(const Checks&) {}

  static void forward(const ContrastInputs& in, Tensor& stats) {
    const torch::stable::accelerator::DeviceGuard guard(in.z.get_device_index());
    const auto stream = current_stream(in.z.get_device_index());
    DISPATCH_FLOATING(in.z, "pairwise_contrast", run_forward<scalar_t>(in, stats, stream));
  }
  static void backward(const ContrastInputs& in, const Tensor& grad, const Tensor& stats,
                       Tensor& grad_z) {
    const torch::stable::accelerator::DeviceGuard guard(in.z.get_device_index());
    const auto stream = current_stream(in.z.get_device_index());
    DISPATCH_FLOATING(in.z, "pairwise_contrast_backward",
                      run_backward<scalar_t>(in, grad, stats, grad_z, stream));
  }

  // Of losses `in.z` are the rows as given.
  static void loss(const ContrastInputs& in, const LossKind& kind, ContrastLossTensors& out) {
    const torch::stable::accelerator::DeviceGuard guard(in.z.get_device_index());
    if (in.z.size(0) * in.z.size(1) == 0) {  // nothing is launched for nothing
      torch::stable::zero_(out.loss);
      torch::stable::zero_(out.anchors);
      return;
    }
    const auto stream = current_stream(in.z.get_device_index());
    DISPATCH_FLOATING(in.z, "contrast_loss", run_loss<scalar_t>(in, kind, out, stream));
  }
  static void loss_backward(const ContrastInputs& in, const LossKind& kind, const Tensor& grad,
                            const ContrastLossTensors& saved, Tensor& grad_feat) {
    const torch::stable::accelerator::DeviceGuard guard(in.z.get_device_index());
    const auto stream = current_stream(in.z.get_device_index());
    DISPATCH_FLOATING(in.z, "contrast_loss_backward",
                      run_loss_backward<scalar_t>(in, kind, grad, saved, grad_feat, stream));
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ariigcn, CUDA, m) {
  m.impl("pairwise_contrast", TORCH_BOX(&pairwise_contrast<Cuda>));
  m.impl("pairwise_contrast_backward", TORCH_BOX(&pairwise_contrast_backward<Cuda>));
  m.impl("contrast_loss", TORCH_BOX(&contrast_loss<Cuda>));
  m.impl("contrast_loss_backward", TORCH_BOX(&contrast_loss_backward<Cuda>));
}
