// Copies from global to shared memory that a thread need not wait for (cp.async, sm_80 and later;
// before, they are done at once). A thread closes a group of copies, and waits until at most so
// many of its groups are under way; other threads see the copies after a barrier behind that.
#pragma once

#include <cstdint>

namespace ariigcn::ptx {

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
__device__ inline void copy_async(void* to, const void* from, uint32_t bytes) {
  *static_cast<uint4*>(to) = bytes == 0 ? uint4{0, 0, 0, 0} : *static_cast<const uint4*>(from);
}
__device__ inline void commit_copies() {}
template <int kInFlight>
__device__ void wait_for_copies() {}
#else
// 16 bytes between addresses that are multiples of 16: as they are if `bytes` is 16, or zeros, for
// which nothing is read, if it is 0. Past the L1 cache, which would keep what is read once.
__device__ inline void copy_async(void* to, const void* from, uint32_t bytes) {
  asm volatile(
      "cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(uint32_t(__cvta_generic_to_shared(to))),
      "l"(from), "r"(bytes)
      : "memory");
}
__device__ inline void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int kInFlight>
__device__ void wait_for_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kInFlight) : "memory");
}
#endif

}  // namespace ariigcn::ptx
