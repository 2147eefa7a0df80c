// A launch: as many blocks as there is work, none for none; and its kernel's first words.
#pragma once

#include <cuda_runtime_api.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace ariigcn {

// More than any device runs at once; kernels walk over their work with the grid as stride.
constexpr int64_t kMaxBlocks = 65536;

// Every kernel calls it before it reads or writes memory. From sm_90 on blocks of a kernel take
// their places while the last of the kernel before still run (programmatic dependent launch), so
// that no time passes between the two; they wait here until that has ended and what it wrote can be
// read. That the next kernel's blocks may come as soon as all of this one's are there is said
// first.
__device__ inline void begin_after_previous() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;");
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

// Whether the kernels that the current device runs wait so: it may run what was made for an older
// one, which does not. All are made for the same, and one is asked.
inline bool waits_for_previous(const void* kernel) {
  constexpr int kAsked = 1, kWaits = 2, kMostDevices = 64;
  static std::atomic<int> answers[kMostDevices];
  int device = 0;
  if (cudaGetDevice(&device) != cudaSuccess || device >= kMostDevices) return false;
  int answer = answers[device].load(std::memory_order_relaxed);
  if (answer == 0) {
    cudaFuncAttributes made{};
    if (cudaFuncGetAttributes(&made, kernel) != cudaSuccess) return false;
    answer = made.ptxVersion >= 90 ? kWaits : kAsked;
    answers[device].store(answer, std::memory_order_relaxed);
  }
  return answer == kWaits;
}

// cudaLaunchKernelEx instead of <<<>>>, so that a C++ compiler can parse it and run the kernels on
// the CPU in tests. `bytes` of shared memory beside what the kernel declares.
template <typename... Params, typename... Args>
cudaError_t launch_blocks(int64_t blocks, int threads, int64_t bytes, cudaStream_t stream,
                          void (*kernel)(Params...), Args... args) {
  cudaLaunchAttribute early{};
  early.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  early.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(static_cast<unsigned>(std::min(blocks, kMaxBlocks)));
  config.blockDim = dim3(static_cast<unsigned>(threads));
  config.dynamicSmemBytes = static_cast<std::size_t>(bytes);
  config.stream = stream;
  config.attrs = &early;
  config.numAttrs = waits_for_previous(reinterpret_cast<const void*>(kernel)) ? 1 : 0;
  return cudaLaunchKernelEx(&config, kernel, args...);
}
template <typename... Params, typename... Args>
cudaError_t launch(int64_t blocks, int threads, cudaStream_t stream, void (*kernel)(Params...),
                   Args... args) {
  if (blocks == 0) return cudaSuccess;
  return launch_blocks(blocks, threads, 0, stream, kernel, args...);
}

// One warp per item.
template <typename... Params, typename... Args>
cudaError_t launch_warps(int64_t items, cudaStream_t stream, void (*kernel)(Params...),
                         Args... args) {
  constexpr int kWarps = 4;
  return launch((items + kWarps - 1) / kWarps, kWarps * 32, stream, kernel, args...);
}

}  // namespace ariigcn
