// Stands in for csrc/cuda/async_copy.h. What is copied lands when it is waited for, and until then
// its place holds ones in all bits, written when the copy begins: so a missing wait shows in
// results (NaN in every type), and a place that another thread still reads to ThreadSanitizer.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <vector>

namespace emulator {

// The copies of a thread that have not landed.
class Copies {
 public:
  void begin(void* to, const void* from, bool inside) {
    constexpr std::uintptr_t kBytes = 16;
    if (reinterpret_cast<std::uintptr_t>(to) % kBytes ||
        (inside && reinterpret_cast<std::uintptr_t>(from) % kBytes))
      fail("a copy is not aligned to 16 bytes");
    // Word by word: of 16 bytes at once GCC makes stores that ThreadSanitizer does not see.
    constexpr std::uint64_t kOnes = ~std::uint64_t(0);
    for (std::size_t k = 0; k < kBytes; k += sizeof kOnes)
      std::memcpy(static_cast<char*>(to) + k, &kOnes, sizeof kOnes);
    begun_.push_back({to, inside ? from : nullptr});
  }
  void commit() {
    groups_.push_back(std::move(begun_));
    begun_.clear();
  }
  void wait(std::size_t allowed) {
    for (; groups_.size() > allowed; groups_.pop_front())
      for (const Copy& copy : groups_.front()) {
        constexpr unsigned char kZeros[16] = {};
        std::memcpy(copy.to, copy.from ? copy.from : kZeros, sizeof kZeros);
      }
  }
  void check_nothing_is_left() {
    bool left = !begun_.empty();
    for (const auto& group : groups_) left = left || !group.empty();
    if (left) fail("a kernel ends before its copies do");
    groups_.clear();  // empty ones
  }

 private:
  struct Copy {
    void* to;
    const void* from;  // null: zeros
  };

  [[noreturn]] static void fail(const char* what) {
    std::fprintf(stderr, "%s\n", what);
    std::abort();
  }

  std::vector<Copy> begun_;
  std::deque<std::vector<Copy>> groups_;
};

inline Copies all_copies[kMostFibers];
inline Copies& copies() { return all_copies[running_index()]; }
inline const bool copies_are_checked = [] {
  when_a_thread_ends = [] { copies().check_nothing_is_left(); };
  return true;
}();

}  // namespace emulator

namespace ariigcn {

inline void begin_copy(void* to, const void* from, bool inside) {
  emulator::copies().begin(to, from, inside);
}
inline void commit_copies() { emulator::copies().commit(); }
template <int kGroups>
void wait_for_copies() {
  emulator::copies().wait(kGroups);
}

}  // namespace ariigcn
