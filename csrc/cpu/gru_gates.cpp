// One step of a GRU's cell, on the CPU.
#include "kernels.h"

#include <torch/csrc/stable/library.h>

#include "../checks.h"
#include "kernel_type.h"

namespace {
using namespace ariigcn;
using torch::headeronly::ScalarType;
using torch::stable::Tensor;

template <typename T>
StridedRows<const T> read(const Tensor& t) {
  return {t.const_data_ptr<T>(), t.stride(0)};
}
template <typename T>
StridedRows<const T> read(const std::optional<Tensor>& t) {
  return t ? read<T>(*t) : StridedRows<const T>{nullptr, 0};
}
template <typename T>
StridedRows<T> written(const Tensor& t) {
  return {t.mutable_data_ptr<T>(), t.stride(0)};
}

void gru_gates(Tensor gates, const Tensor& state, std::optional<Tensor> kept, Tensor out) {
  Checks::dim("gru_gates", "state", state, 2);
  const Checks check("gru_gates", state);
  check.float_or_double();
  const int64_t rows = state.size(0), width = state.size(1);
  check.rows("gates", gates, {rows, 4 * width});
  check.rows("state", state, {rows, width});
  if (kept) check.rows("kept", *kept, {rows, width});
  check.rows("out", out, {rows, width});
  in_kernel_type(state, [&]<typename T>(T, ScalarType) {
    const GruGates<T> in{rows,           width,         written<T>(gates),
                         read<T>(state), read<T>(kept), written<T>(out)};
    CALL_BEST_ISA(gru_gates, in);
  });
}

void gru_gates_backward(const Tensor& grad, const Tensor& gates, const Tensor& state,
                        std::optional<Tensor> kept, Tensor grad_gates, Tensor grad_state) {
  Checks::dim("gru_gates_backward", "grad", grad, 2);
  const Checks check("gru_gates_backward", grad);
  check.float_or_double();
  const int64_t rows = grad.size(0), width = grad.size(1);
  for (const auto& [name, tensor] : {std::pair<const char*, const Tensor&>{"grad", grad},
                                     {"state", state},
                                     {"grad_state", grad_state}})
    check.rows(name, tensor, {rows, width});
  if (kept) check.rows("kept", *kept, {rows, width});
  check.rows("gates", gates, {rows, 4 * width});
  check.rows("grad_gates", grad_gates, {rows, 4 * width});
  in_kernel_type(grad, [&]<typename T>(T, ScalarType) {
    const GruGatesGrad<T> in{
        rows,           width,         read<T>(grad),          read<T>(gates),
        read<T>(state), read<T>(kept), written<T>(grad_gates), written<T>(grad_state)};
    CALL_BEST_ISA(gru_gates_backward, in);
  });
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ariigcn, CPU, m) {
  m.impl("gru_gates", TORCH_BOX(&gru_gates));
  m.impl("gru_gates_backward", TORCH_BOX(&gru_gates_backward));
}
