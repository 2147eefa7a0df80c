// New vectors of int64, or int32, on the CPU. Builders of indices make many small ones, and
// `new_empty`, which goes through the dispatcher, would cost as much as filling them.
#pragma once

#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/util/Exception.h>

namespace ariigcn {

template <typename Index = int64_t>
torch::stable::Tensor empty_index(int64_t size) {
  const int64_t stride = 1;
  const auto type = sizeof(Index) == 4 ? aoti_torch_dtype_int32() : aoti_torch_dtype_int64();
  AtenTensorHandle handle;
  const auto error =
      aoti_torch_empty_strided(1, &size, &stride, type, aoti_torch_device_type_cpu(), 0, &handle);
  STD_TORCH_CHECK(error == TORCH_SUCCESS, "no memory for ", size, " indices");
  return torch::stable::Tensor(handle);
}

}  // namespace ariigcn
