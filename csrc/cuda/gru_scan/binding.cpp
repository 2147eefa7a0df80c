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
GruScan<cuda_t<scalar_t>> scan_of(const GruScanSizes& n, const Tensor& rows, const Tensor& weight) {
  return {n.directions,           n.steps, n.sequences, n.width, rows.const_data_ptr<int64_t>(),
          input<scalar_t>(weight)};
}

// The launchers' error for a width that a block cannot hold.
void check_scan(cudaError_t error, const char* op, int64_t width) {
  STD_TORCH_CHECK(error != cudaErrorInvalidValue, op, ": a block of this device cannot hold ",
                  width, " units: let torch.nn.GRU run them");
  check_launch(error, op);
}

struct Cuda {
  static void forward(const GruScanSizes& n, const Tensor& inputs, const Tensor& rows,
                      const Tensor& weight, const Tensor& bias, Tensor& out, Tensor& states,
                      Tensor& gates) {
    const torch::stable::accelerator::DeviceGuard guard(inputs.get_device_index());
    const auto stream = current_stream(inputs.get_device_index());
    DISPATCH_FLOATING(
        inputs, "gru_scan", using cuda = cuda_t<scalar_t>; check_scan(
            launch_gru_scan(
                GruForward<cuda>({scan_of<scalar_t>(n, rows, weight), input<scalar_t>(inputs),
                                  input<scalar_t>(bias), output<scalar_t>(out),
                                  output<scalar_t>(states), output<scalar_t>(gates)}),
                stream),
            "gru_scan", n.width));
  }

  static void backward(const GruScanSizes& n, const Tensor& grad, const Tensor& rows,
                       const Tensor& states, const Tensor& gates, const Tensor& weight,
                       Tensor& grad_inputs, Tensor& recurrent) {
    const torch::stable::accelerator::DeviceGuard guard(grad.get_device_index());
    const auto stream = current_stream(grad.get_device_index());
    DISPATCH_FLOATING(
        grad, "gru_scan_backward", using cuda = cuda_t<scalar_t>; check_scan(
            launch_gru_scan_backward(
                GruBackward<cuda>({scan_of<scalar_t>(n, rows, weight), input<scalar_t>(grad),
                                   input<scalar_t>(states), input<scalar_t>(gates),
                                   output<scalar_t>(grad_inputs), output<scalar_t>(recurrent)}),
                stream),
            "gru_scan_backward", n.width));
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ariigcn, CUDA, m) {
  m.impl("gru_scan", TORCH_BOX(&gru_scan<Cuda>));
  m.impl("gru_scan_backward", TORCH_BOX(&gru_scan_backward<Cuda>));
}
