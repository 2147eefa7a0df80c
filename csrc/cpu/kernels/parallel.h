// Tasks over PyTorch's threads, and the scratch memory of one thread.
#pragma once

#include "simd.h"

namespace ariigcn::ARIIGCN_ISA {

// Uninitialised memory, aligned to cache lines.
template <typename T>
class Buffer {
 public:
  explicit Buffer(int64_t size)
      : data_(static_cast<T*>(
            std::aligned_alloc(64, std::max<int64_t>(1, (size * sizeof(T) + 63) / 64) * 64))) {
    if (data_ == nullptr) throw std::bad_alloc();
  }
  ~Buffer() { std::free(data_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  operator T*() const { return data_; }

 private:
  T* data_;
};

// Runs task(0) ... task(count - 1), each once, on whichever thread is free. Tasks write to places
// of their own, so that nothing depends on which thread that is. `make` gives every thread a task.
template <typename Make>
inline void run_tasks(int64_t count, const Make& make) {
  const int64_t threads = std::min<int64_t>(torch::stable::get_num_threads(), count);
  int64_t next = 0;
  torch::stable::parallel_for(0, threads, 1, [&](int64_t, int64_t) {
    const auto task = make();
    for (int64_t t; (t = __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED)) < count;) task(t);
  });
}

// Runs range(begin, end) over 0..count in pieces of fixed size.
template <typename Range>
inline void run_ranges(int64_t count, int64_t size, const Range& range) {
  run_tasks(ceil_div(count, size),
            [&] { return [&](int64_t t) { range(t * size, std::min(count, (t + 1) * size)); }; });
}

}  // namespace ariigcn::ARIIGCN_ISA
