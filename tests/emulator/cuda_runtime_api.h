// Stands in for CUDA's header so that a C++ compiler can build csrc/cuda/*.cu unchanged and run the
// kernels on the CPU: a fiber per CUDA thread, blocks one after another. It shows errors of logic,
// bounds and barriers (with ThreadSanitizer also races); it says nothing about speed, and its
// memory order is the CPU's.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "fibers.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __grid_constant__
#define __shared__ static

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
using cudaStream_t = void*;
using cudaError_t = int;
constexpr cudaError_t cudaSuccess = 0, cudaErrorInvalidValue = 1, cudaErrorInvalidConfiguration = 9;
enum cudaLaunchAttributeID { cudaLaunchAttributeProgrammaticStreamSerialization };
struct cudaLaunchAttribute {
  cudaLaunchAttributeID id;
  struct {
    int programmaticStreamSerializationAllowed;
  } val;
};
struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  std::size_t dynamicSmemBytes = 0;
  cudaStream_t stream = nullptr;
  cudaLaunchAttribute* attrs = nullptr;
  unsigned numAttrs = 0;
};

#ifndef EMULATED_ARCH
#define EMULATED_ARCH 800
#endif
enum cudaDeviceAttr { cudaDevAttrComputeCapabilityMajor };
inline cudaError_t cudaGetDevice(int* device) { return *device = 0, cudaSuccess; }
inline cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr, int) {
  return *value = EMULATED_ARCH / 100, cudaSuccess;
}
struct cudaFuncAttributes {
  int ptxVersion;
};
inline cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void*) {
  return attributes->ptxVersion = EMULATED_ARCH / 10, cudaSuccess;
}
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize };
inline cudaError_t cudaFuncSetAttribute(const void*, cudaFuncAttribute, int bytes) {
  return bytes <= 227 * 1024 ? cudaSuccess : cudaErrorInvalidValue;  // of a block on Hopper
}

inline dim3 gridDim, blockDim, blockIdx;
#define threadIdx (emulator::own().thread_index)

namespace emulator {

constexpr unsigned kWarp = 32;
inline unsigned max_blocks = ~0u;  // a smaller grid makes kernels take several strides
inline unsigned run_blocks = ~0u;  // only the first so many are run, a sample of a long launch
inline unsigned launches = 0;

// Lanes exchange values through `slot`. Two sets of slots take turns: a lane can be at most one
// exchange ahead of another, so it never overwrites a value that is still to be read.
constexpr unsigned kSlotBytes = 32;
struct Warp {
  Barrier barrier;
  alignas(16) unsigned char slot[2][kWarp][kSlotBytes];
  explicit Warp(unsigned lanes) : barrier(lanes) {}
};

struct Block {
  Barrier barrier;
  std::vector<std::unique_ptr<Warp>> warps;
  std::atomic<bool> vote[3] = {};  // take turns: the next one is cleared while this one is read
  explicit Block(unsigned threads) : barrier(threads) {
    for (unsigned t = 0; t < threads; t += kWarp)
      warps.push_back(std::make_unique<Warp>(std::min(kWarp, threads - t)));
  }
};

inline Block* block = nullptr;

// What a thread of the block has for itself.
struct Own {
  dim3 thread_index;
  unsigned exchanges = 0, votes = 0;
};
inline Own all_own[kMostFibers];
inline Own& own() { return all_own[running_index()]; }
inline void (*when_a_thread_ends)() = [] {};

inline Warp& warp() { return *block->warps[running_index() / kWarp]; }
inline unsigned lane() { return running_index() % kWarp; }

// The values that all lanes pass to the same call, by lane; to be read before the next such call.
template <typename T>
auto share(T value) {
  static_assert(sizeof(T) <= kSlotBytes);
  Warp& w = warp();
  const unsigned turn = own().exchanges++ % 2;
  std::memcpy(w.slot[turn][lane()], &value, sizeof(T));
  w.barrier.arrive_and_wait();
  return [&w, turn](unsigned from) {
    T theirs;
    std::memcpy(&theirs, w.slot[turn][from % kWarp], sizeof(T));
    return theirs;
  };
}

// The value that lane `from(own lane)` passes to the same call.
template <typename T, typename From>
T exchange(T value, From from) {
  return share(value)(from(lane()));
}

inline dim3 unflatten(unsigned index, dim3 size) {
  return {index % size.x, index / size.x % size.y, index / size.x / size.y};
}

}  // namespace emulator

inline void __syncthreads() { emulator::block->barrier.arrive_and_wait(); }
inline int __syncthreads_or(int mine) {
  emulator::Block& block = *emulator::block;
  const unsigned turn = emulator::own().votes++;
  if (mine) block.vote[turn % 3] = true;
  __syncthreads();
  block.vote[(turn + 2) % 3] = false;
  return block.vote[turn % 3];
}
inline void __syncwarp(unsigned = ~0u) { emulator::warp().barrier.arrive_and_wait(); }

template <typename T>
T __shfl_sync(unsigned, T value, int source) {
  return emulator::exchange(value, [=](unsigned) { return unsigned(source); });
}
template <typename T>
T __shfl_xor_sync(unsigned, T value, int mask) {
  return emulator::exchange(value, [=](unsigned lane) { return lane ^ unsigned(mask); });
}
template <typename T>
T __shfl_down_sync(unsigned, T value, unsigned delta) {
  return emulator::exchange(
      value, [=](unsigned lane) { return lane + delta < emulator::kWarp ? lane + delta : lane; });
}

// Blocks run one after another, on threads that barriers join: a plain sum is as good.
inline unsigned atomicAdd(unsigned* to, unsigned value) {
  return std::atomic_ref<unsigned>(*to).fetch_add(value);
}
inline void __threadfence() {}
inline int __popc(unsigned x) { return std::popcount(x); }
inline unsigned __umulhi(unsigned a, unsigned b) { return std::uint64_t(a) * b >> 32; }
inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift) {
  return unsigned((std::uint64_t(high) << 32 | low) >> (shift & 31));
}

inline cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t) {
  std::memset(to, value, bytes);
  return cudaSuccess;
}

template <typename... Params, typename... Args>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Params...),
                               Args&&... args) {
  ++emulator::launches;
  gridDim = config->gridDim;
  blockDim = config->blockDim;
  gridDim.x = std::min(gridDim.x, emulator::max_blocks);
  const unsigned threads = blockDim.x * blockDim.y * blockDim.z;
  const unsigned blocks = std::min(gridDim.x * gridDim.y * gridDim.z, emulator::run_blocks);
  if (threads == 0 || threads > 1024 || blocks == 0) return cudaErrorInvalidConfiguration;

  auto thread = [&](unsigned index) {
    emulator::own() = {emulator::unflatten(index, blockDim)};
    kernel(args...);
    emulator::when_a_thread_ends();
    emulator::warp().barrier.arrive_and_drop();
    emulator::block->barrier.arrive_and_drop();
  };
  // Blocks share the memory of __shared__.
  for (unsigned b = 0; b < blocks; ++b) {
    emulator::Block block(threads);
    emulator::block = &block;
    blockIdx = emulator::unflatten(b, gridDim);
    emulator::run_fibers(
        threads, [](void* of, unsigned index) { (*static_cast<decltype(thread)*>(of))(index); },
        &thread);
  }
  return cudaSuccess;
}
