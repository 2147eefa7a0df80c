// Host side of a launch: as many blocks as there is work, none for none.
#pragma once

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstdint>

namespace ariigcn {

// More than any device runs at once; kernels walk over their work with the grid as stride.
constexpr int64_t kMaxBlocks = 65536;

// cudaLaunchKernelEx instead of <<<>>>, so that a C++ compiler can parse it and run the kernels on
// the CPU in tests.
template <typename... Params, typename... Args>
cudaError_t launch(int64_t blocks, int threads, cudaStream_t stream, void (*kernel)(Params...),
                   Args... args) {
  if (blocks == 0) return cudaSuccess;
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(static_cast<unsigned>(std::min(blocks, kMaxBlocks)));
  config.blockDim = dim3(static_cast<unsigned>(threads));
  config.stream = stream;
  return cudaLaunchKernelEx(&config, kernel, args...);
}

// One warp per item.
template <typename... Params, typename... Args>
cudaError_t launch_warps(int64_t items, cudaStream_t stream, void (*kernel)(Params...),
                         Args... args) {
  constexpr int kWarps = 4;
  return launch((items + kWarps - 1) / kWarps, kWarps * 32, stream, kernel, args...);
}

}  // namespace ariigcn
