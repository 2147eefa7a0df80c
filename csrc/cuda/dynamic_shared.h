// Shared memory whose size is known at launch.
#pragma once

#include <cuda_runtime_api.h>

#include <mutex>

#include "launch.h"

namespace ariigcn {

#ifdef __CUDACC__
__device__ inline unsigned char* dynamic_shared() {
  extern __shared__ __align__(16) unsigned char ariigcn_dynamic_shared[];
  return ariigcn_dynamic_shared;
}
#else
// On the CPU: as much as a block has on Hopper, as all blocks have the same.
inline unsigned char* dynamic_shared() {
  alignas(16) static unsigned char bytes[227 * 1024];
  return bytes;
}
#endif

// `launch` with so many bytes of it; more than 48 KiB must be asked for, kernel by kernel.
template <typename... Params, typename... Args>
cudaError_t launch_with_shared(int64_t blocks, int threads, int64_t bytes, cudaStream_t stream,
                               void (*kernel)(Params...), Args... args) {
  if (blocks == 0) return cudaSuccess;
  // The limit is the kernel's, not the launch's: no other thread may ask for less in between.
  static std::mutex asking;
  const std::lock_guard lock(asking);
  const cudaError_t error =
      cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel),
                           cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes));
  if (error != cudaSuccess) return error;
  return launch_blocks(blocks, threads, bytes, stream, kernel, args...);
}

}  // namespace ariigcn
