// The recurrence of a GRU on CUDA.
#include <torch/csrc/stable/accelerator.h>
#include <torch/csrc/stable/library.h>

#include "../../dispatch.h"
#include "../../gru_scan.h"
#include "../binding.h"
#include "../stream.h"
#include "launchers.h"

namespace {
using namespace ariigcn;
using torch::stable::Tensor;

template <typename scalar_t>
GruScan<cuda_t<scalar_t>> scan_of(const GruScanSizes& n, const Tensor& weight) {
  return {n.steps, n.directions, n.sequences, n.width, input<scalar_t>(weight)};
}

struct Cuda {
  static void forward(const GruScanSizes& n, const Tensor& inputs, const Tensor& weight,
                      const Tensor& bias, Tensor& states, Tensor& gates) {
    const torch::stable::accelerator::DeviceGuard guard(inputs.get_device_index());
    const auto stream = current_stream(inputs.get_device_index());
    DISPATCH_FLOATING(
        inputs, "gru_scan", using cuda = cuda_t<scalar_t>; check_launch(
            launch_gru_scan(GruForward<cuda>({scan_of<scalar_t>(n, weight), input<scalar_t>(inputs),
                                              input<scalar_t>(bias), output<scalar_t>(states),
                                              output<scalar_t>(gates)}),
                            stream),
            "gru_scan"));
  }

  static void backward(const GruScanSizes& n, const Tensor& grad, const Tensor& states,
                       const Tensor& gates, const Tensor& weight, Tensor& recurrent,
                       Tensor& grad_new) {
    const torch::stable::accelerator::DeviceGuard guard(grad.get_device_index());
    const auto stream = current_stream(grad.get_device_index());
    DISPATCH_FLOATING(
        grad, "gru_scan_backward", using cuda = cuda_t<scalar_t>; check_launch(
            launch_gru_scan_backward(
                GruBackward<cuda>({scan_of<scalar_t>(n, weight), input<scalar_t>(grad),
                                   input<scalar_t>(states), input<scalar_t>(gates),
                                   output<scalar_t>(recurrent), output<scalar_t>(grad_new)}),
                stream),
            "gru_scan_backward"));
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ariigcn, CUDA, m) {
  m.impl("gru_scan", TORCH_BOX(&gru_scan<Cuda>));
  m.impl("gru_scan_backward", TORCH_BOX(&gru_scan_backward<Cuda>));
}
