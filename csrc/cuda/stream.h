// PyTorch's current CUDA stream, without linking to the CUDA part of PyTorch.
#pragma once

#include <cuda_runtime_api.h>
#include <dlfcn.h>
#include <torch/headeronly/util/Exception.h>

#include <cstdint>

namespace ariigcn {

// The stable ABI hands out a cudaStream_t only from torch 2.13 on; before, the one public way is a
// function of libtorch_cuda, which a CPU-only torch lacks. So it is looked up in the library that
// torch has loaded. (A weak reference would stay null: linkers leave out libraries of which no
// symbol is needed, so libtorch_cuda is no dependency of this library.)
inline cudaStream_t current_stream(int32_t device) {
  using Getter = int32_t (*)(int32_t device, void** stream);
  static const Getter get = [] {
    void* torch_cuda = dlopen("libtorch_cuda.so", RTLD_LAZY | RTLD_NOLOAD);
    void* symbol = torch_cuda ? dlsym(torch_cuda, "aoti_torch_get_current_cuda_stream") : nullptr;
    return reinterpret_cast<Getter>(symbol);
  }();
  STD_TORCH_CHECK(get, "this torch has no CUDA streams: install a torch built with CUDA");
  void* stream = nullptr;
  STD_TORCH_CHECK(get(device, &stream) == 0, "no current CUDA stream on device ", device);
  return static_cast<cudaStream_t>(stream);
}

}  // namespace ariigcn
