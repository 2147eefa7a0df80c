// Sorting of indices by keys of which there are few.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>

namespace ariigcn {

// Lists, for every key, the positions that have it: order[offsets[k]:offsets[k + 1]]. They stand as
// `before`, which lists all positions, has them; by default in increasing order.
template <typename Key, typename Offset, typename Entry, typename Before = std::identity>
void counting_sort(const Key& key, int64_t size, int64_t num_keys, Offset* offsets, Entry* order,
                   const Before& before = {}) {
  std::fill(offsets, offsets + num_keys + 1, 0);
  for (int64_t e = 0; e < size; ++e) ++offsets[key(e) + 1];
  Offset start = 0;
  for (int64_t k = 1; k <= num_keys; ++k) {
    const Offset count = offsets[k];
    offsets[k] = start;
    start += count;
  }
  // offsets[k + 1] runs from the start of key k to its end, which is the start of key k + 1
  for (int64_t k = 0; k < size; ++k) {
    const int64_t e = before(k);
    order[offsets[key(e) + 1]++] = Entry(e);
  }
}

}  // namespace ariigcn
