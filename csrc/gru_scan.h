// The recurrence of a GRU over sequences side by side, as the device computes it: what it is given,
// what that must be, and the tensors it returns. `Backend` computes it:
//   forward(sizes, inputs, rows, weight, bias, out, states, gates),
//   backward(sizes, grad, rows, states, gates, weight, grad_inputs, recurrent).
// On the CPU nn/_gru_scan.py does the same with torch's operators.
#pragma once

#include <torch/csrc/stable/ops.h>

#include <limits>
#include <tuple>

#include "checks.h"

namespace ariigcn {

// D directions, T time steps, B sequences, H width, N rows.
struct GruScanSizes {
  int64_t directions, steps, sequences, width, count;
};

// Of `values`, (N, D, parts * H).
inline GruScanSizes gru_scan_sizes(const char* op, const torch::stable::Tensor& values,
                                   int64_t parts, const torch::stable::Tensor& rows) {
  Checks::dim(op, "the first argument", values, 3);
  Checks::dim(op, "rows", rows, 3);
  const GruScanSizes n{rows.size(0), rows.size(1), rows.size(2), values.size(2) / parts,
                       values.size(0)};
  STD_TORCH_CHECK(n.width > 0, op, ": the width must be positive");
  STD_TORCH_CHECK(n.count <= std::numeric_limits<int>::max(), op, ": more than 2**31 - 1 rows");
  const Checks check(op, values);
  check.floating();
  check.values("the first argument", values, {n.count, n.directions, parts * n.width});
  check.int64("rows", rows, {n.directions, n.steps, n.sequences});
  return n;
}

template <typename Backend>
std::tuple<torch::stable::Tensor, torch::stable::Tensor, torch::stable::Tensor> gru_scan(
    const torch::stable::Tensor& inputs, const torch::stable::Tensor& rows,
    const torch::stable::Tensor& weight, const torch::stable::Tensor& bias) {
  const GruScanSizes n = gru_scan_sizes("gru_scan", inputs, 3, rows);
  const Checks check("gru_scan", inputs);
  check.values("weight", weight, {n.directions, 3 * n.width, n.width});
  check.values("bias", bias, {n.directions, 3 * n.width});
  // Zeros: rows that no sequence reads are not written.
  torch::stable::Tensor out = torch::stable::new_zeros(inputs, {n.count, n.directions, n.width});
  torch::stable::Tensor states =
      torch::stable::new_empty(inputs, {n.directions, n.steps + 1, n.sequences, n.width});
  torch::stable::Tensor gates =
      torch::stable::new_empty(inputs, {n.directions, n.steps, n.sequences, 4 * n.width});
  Backend::forward(n, inputs, rows, weight, bias, out, states, gates);
  return {out, states, gates};
}

template <typename Backend>
std::tuple<torch::stable::Tensor, torch::stable::Tensor> gru_scan_backward(
    const torch::stable::Tensor& grad, const torch::stable::Tensor& rows,
    const torch::stable::Tensor& states, const torch::stable::Tensor& gates,
    const torch::stable::Tensor& weight) {
  const GruScanSizes n = gru_scan_sizes("gru_scan_backward", grad, 1, rows);
  const Checks check("gru_scan_backward", grad);
  check.values("states", states, {n.directions, n.steps + 1, n.sequences, n.width});
  check.values("gates", gates, {n.directions, n.steps, n.sequences, 4 * n.width});
  check.values("weight", weight, {n.directions, 3 * n.width, n.width});
  torch::stable::Tensor grad_inputs =
      torch::stable::new_zeros(grad, {n.count, n.directions, 3 * n.width});
  torch::stable::Tensor recurrent =
      torch::stable::new_empty(grad, {n.directions, n.steps, n.sequences, 3 * n.width});
  Backend::backward(n, grad, rows, states, gates, weight, grad_inputs, recurrent);
  return {grad_inputs, recurrent};
}

}  // namespace ariigcn
