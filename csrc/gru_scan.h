// The recurrence of a GRU over sequences side by side, as the device computes it: what it is given,
// what that must be, and the tensors it returns. `Backend` computes it:
//   forward(scan, inputs, weight, bias, states, gates),
//   backward(scan, grad, states, gates, weight, recurrent, grad_new).
// On the CPU nn/_gru_scan.py does the same with torch's operators.
#pragma once

#include <torch/csrc/stable/ops.h>

#include <tuple>

#include "checks.h"

namespace ariigcn {

// T time steps, S directions, B sequences, H width.
struct GruScanSizes {
  int64_t steps, directions, sequences, width;
};

inline GruScanSizes gru_scan_sizes(const char* op, const torch::stable::Tensor& rows,
                                   int64_t gates) {
  Checks::dim(op, "the first argument", rows, 4);
  const GruScanSizes n{rows.size(0), rows.size(1), rows.size(2), rows.size(3) / gates};
  STD_TORCH_CHECK(n.width > 0 && rows.size(3) == gates * n.width, op,
                  ": the width must be a positive multiple of ", gates);
  return n;
}

template <typename Backend>
std::tuple<torch::stable::Tensor, torch::stable::Tensor> gru_scan(
    const torch::stable::Tensor& inputs, const torch::stable::Tensor& weight,
    const torch::stable::Tensor& bias) {
  const GruScanSizes n = gru_scan_sizes("gru_scan", inputs, 3);
  const Checks check("gru_scan", inputs);
  check.floating();
  check.values("inputs", inputs, {n.steps, n.directions, n.sequences, 3 * n.width});
  check.values("weight", weight, {n.directions, 3 * n.width, n.width});
  check.values("bias", bias, {n.directions, 3 * n.width});
  torch::stable::Tensor states =
      torch::stable::new_empty(inputs, {n.steps + 1, n.directions, n.sequences, n.width});
  torch::stable::Tensor gates =
      torch::stable::new_empty(inputs, {n.steps, n.directions, n.sequences, 4 * n.width});
  Backend::forward(n, inputs, weight, bias, states, gates);
  return {states, gates};
}

template <typename Backend>
std::tuple<torch::stable::Tensor, torch::stable::Tensor> gru_scan_backward(
    const torch::stable::Tensor& grad, const torch::stable::Tensor& states,
    const torch::stable::Tensor& gates, const torch::stable::Tensor& weight) {
  const GruScanSizes n = gru_scan_sizes("gru_scan_backward", grad, 1);
  const Checks check("gru_scan_backward", grad);
  check.floating();
  check.values("grad", grad, {n.steps, n.directions, n.sequences, n.width});
  check.values("states", states, {n.steps + 1, n.directions, n.sequences, n.width});
  check.values("gates", gates, {n.steps, n.directions, n.sequences, 4 * n.width});
  check.values("weight", weight, {n.directions, 3 * n.width, n.width});
  torch::stable::Tensor recurrent =
      torch::stable::new_empty(grad, {n.steps, n.directions, n.sequences, 3 * n.width});
  torch::stable::Tensor grad_new = torch::stable::empty_like(grad);
  Backend::backward(n, grad, states, gates, weight, recurrent, grad_new);
  return {recurrent, grad_new};
}

}  // namespace ariigcn
