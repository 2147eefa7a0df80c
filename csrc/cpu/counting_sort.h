// Sorting of indices by keys of which there are few, and whether they lie in a range.
#pragma once

#include "../checks.h"

#include <algorithm>
#include <cstdint>
#include <functional>

namespace ariigcn {

// Lists, for every key, the positions that have it: order[offsets[k]:offsets[k + 1]]. They stand as
// `before`, which lists all positions, has them; by default in increasing order.
template <typename Key, typename Entry, typename Before = std::identity>
void counting_sort(const Key& key, int64_t size, int64_t num_keys, Entry* offsets, Entry* order,
                   const Before& before = {}) {
  std::fill(offsets, offsets + num_keys + 1, 0);
  for (int64_t e = 0; e < size; ++e) ++offsets[key(e) + 1];
  Entry start = 0;
  for (int64_t k = 1; k <= num_keys; ++k) {
    const Entry count = offsets[k];
    offsets[k] = start;
    start += count;
  }
  // offsets[k + 1] runs from the start of key k to its end, which is the start of key k + 1
  for (int64_t k = 0; k < size; ++k) {
    const int64_t e = before(k);
    order[offsets[key(e) + 1]++] = Entry(e);
  }
}

// Whether any of so many numbers lies outside of [0, end): it, or what it lacks, is negative then.
inline bool any_outside(const int64_t* numbers, int64_t size, int64_t end) {
  uint64_t signs = 0;
#pragma omp simd reduction(| : signs)
  for (int64_t k = 0; k < size; ++k)
    signs |= uint64_t(numbers[k]) | (uint64_t(end) - 1 - uint64_t(numbers[k]));
  return signs >> 63;
}

inline void require_within(const Checks& check, const char* name, const Checks::Tensor& numbers,
                           int64_t end) {
  if (any_outside(numbers.const_data_ptr<int64_t>(), numbers.numel(), end))
    check.within(name, numbers, end);
}

}  // namespace ariigcn
