// Stands in for CUDA's header so that a C++ compiler can build csrc/cuda/*.cu unchanged and run the
// kernels on the CPU: one std::thread per CUDA thread, blocks one after another. It shows errors of
// logic, bounds and barriers (with ThreadSanitizer also races); it says nothing about speed, and
// its memory order is the CPU's.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <climits>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

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
struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  std::size_t dynamicSmemBytes = 0;
  cudaStream_t stream = nullptr;
};

enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize };
inline cudaError_t cudaFuncSetAttribute(const void*, cudaFuncAttribute, int bytes) {
  return bytes <= 227 * 1024 ? cudaSuccess : cudaErrorInvalidValue;  // of a block on Hopper
}

inline dim3 gridDim, blockDim;
inline thread_local dim3 threadIdx{0, 0, 0}, blockIdx{0, 0, 0};

namespace emulator {

constexpr unsigned kWarp = 32;
inline unsigned max_blocks = ~0u;  // a smaller grid makes kernels take several strides
inline unsigned run_blocks = ~0u;  // only the first so many are run, a sample of a long launch
inline unsigned launches = 0;

// std::barrier would order threads of different barriers too (they share the atomics they wait on)
// and so hide races from ThreadSanitizer; a mutex would be fought over by all who wake up.
class Barrier {
 public:
  explicit Barrier(unsigned threads) : state_(std::uint64_t(threads) << 32) {}

  void arrive_and_wait() {
    const unsigned phase = phase_;
    if (is_complete(++state_)) return complete();
    while (phase_ == phase) futex(FUTEX_WAIT_PRIVATE, phase);
  }

  void arrive_and_drop() {
    if (is_complete(state_ -= std::uint64_t(1) << 32)) complete();
  }

 private:
  // The upper half of the state is how many are expected, the lower half how many have arrived.
  static bool is_complete(std::uint64_t state) { return state >> 32 == std::uint32_t(state); }

  void complete() {
    state_ &= ~std::uint64_t(0) << 32;
    ++phase_;
    futex(FUTEX_WAKE_PRIVATE, INT_MAX);
  }
  void futex(int operation, unsigned value) {
    syscall(SYS_futex, reinterpret_cast<unsigned*>(&phase_), operation, value, nullptr, nullptr, 0);
  }

  std::atomic<std::uint64_t> state_;
  std::atomic<unsigned> phase_ = 0;
};

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

inline thread_local Block* block = nullptr;
inline thread_local unsigned exchanges = 0, votes = 0;

inline unsigned thread_in_block() {
  return (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
}
inline Warp& warp() { return *block->warps[thread_in_block() / kWarp]; }

inline unsigned lane() { return thread_in_block() % kWarp; }

// The values that all lanes pass to the same call, by lane; to be read before the next such call.
template <typename T>
auto share(T value) {
  static_assert(sizeof(T) <= kSlotBytes);
  Warp& w = warp();
  const unsigned turn = exchanges++ % 2;
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
  const unsigned turn = emulator::votes++;
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

  std::vector<std::unique_ptr<emulator::Block>> all_blocks;
  for (unsigned b = 0; b < blocks; ++b)
    all_blocks.push_back(std::make_unique<emulator::Block>(threads));
  emulator::Barrier next_block(threads);  // blocks share the memory of __shared__
  std::vector<std::thread> pool;
  for (unsigned t = 0; t < threads; ++t)
    pool.emplace_back([&, t] {
      threadIdx = emulator::unflatten(t, blockDim);
      for (unsigned b = 0; b < blocks; ++b) {
        next_block.arrive_and_wait();
        emulator::exchanges = emulator::votes = 0;
        emulator::block = all_blocks[b].get();
        blockIdx = emulator::unflatten(b, gridDim);
        kernel(args...);
        emulator::warp().barrier.arrive_and_drop();
        emulator::block->barrier.arrive_and_drop();
      }
    });
  for (auto& thread : pool) thread.join();
  return cudaSuccess;
}
