// The type that kernels compute a tensor in: half types are converted to float32 and back.
#pragma once

#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/core/ScalarType.h>

namespace ariigcn {

inline torch::stable::Tensor as_type(const torch::stable::Tensor& t,
                                     torch::headeronly::ScalarType type) {
  if (t.scalar_type() == type) return t;
  torch::stable::Tensor converted = torch::stable::new_empty(t, t.sizes(), type);
  torch::stable::copy_(converted, t);
  return converted;
}

// Memory for a result in the type that it is computed in: `out` itself where that is its own.
inline torch::stable::Tensor like_type(const torch::stable::Tensor& out,
                                       torch::headeronly::ScalarType type) {
  return out.scalar_type() == type ? out : torch::stable::new_empty(out, out.sizes(), type);
}

// Calls `compute(T, type)` for the type that a tensor is computed in, given as a value of it.
template <typename Compute>
auto in_kernel_type(const torch::stable::Tensor& t, const Compute& compute) {
  using torch::headeronly::ScalarType;
  if (t.scalar_type() == ScalarType::Double) return compute(0.0, ScalarType::Double);
  return compute(0.0f, ScalarType::Float);
}

}  // namespace ariigcn
