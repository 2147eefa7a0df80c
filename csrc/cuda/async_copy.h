// Copies of 16 bytes from global to shared memory that run while the thread goes on (sm_80 and
// later; before, they are done when they are begun). A thread commits the copies that it has begun
// as a group; what it copied is there after it has waited for the group, and other threads see it
// after a barrier from then on.
#pragma once

#include <cstdint>

namespace ariigcn {

// Copies from `from`, or zeros unless `inside`. Both addresses are multiples of 16.
__device__ inline void begin_copy(void* to, const void* from, bool inside) {
#if __CUDA_ARCH__ >= 800
  asm volatile(
      "cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(uint32_t(__cvta_generic_to_shared(to))),
      "l"(from), "r"(inside ? 16 : 0)
      : "memory");
#else
  *static_cast<uint4*>(to) = inside ? *static_cast<const uint4*>(from) : uint4{};
#endif
}

__device__ inline void commit_copies() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

// Waits for all groups but the last kGroups.
template <int kGroups>
__device__ void wait_for_copies() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(kGroups) : "memory");
#endif
}

}  // namespace ariigcn
