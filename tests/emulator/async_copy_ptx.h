// Stands in for csrc/cuda/async_copy_ptx.h. A copy lands only when it is waited for, and then only
// if its group was closed: a forgotten commit or wait leaves in place what was there before.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

namespace ariigcn::ptx {

struct PendingCopy {
  void* to;
  const void* from;
  uint32_t bytes;
};
inline thread_local std::vector<std::vector<PendingCopy>> copy_groups(1);  // the last one is open

inline void copy_async(void* to, const void* from, uint32_t bytes) {
  copy_groups.back().push_back({to, from, bytes});
}
inline void commit_copies() { copy_groups.emplace_back(); }

template <int kInFlight>
void wait_for_copies() {
  while (copy_groups.size() > kInFlight + 1) {
    for (const PendingCopy& copy : copy_groups.front()) {
      std::memcpy(copy.to, copy.from, copy.bytes);
      std::memset(static_cast<char*>(copy.to) + copy.bytes, 0, 16 - copy.bytes);
    }
    copy_groups.erase(copy_groups.begin());
  }
}

}  // namespace ariigcn::ptx
