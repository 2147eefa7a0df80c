// Index arrays of the kernels: int32 where all numbers fit, else int64 (Graph.plan decides).
#pragma once

#include <cstdint>

#include "../numeric.h"

namespace ariigcn {

// Entries are widened when they are read, so that offsets computed from them (row * width) are
// 64-bit whatever their type. Null where there is no array.
template <typename index_t>
class IndexArray {
 public:
  IndexArray() = default;
  HOST_DEVICE IndexArray(const index_t* entries) : entries_(entries) {}

  HOST_DEVICE int64_t operator[](int64_t k) const { return entries_[k]; }
  HOST_DEVICE explicit operator bool() const { return entries_ != nullptr; }

 private:
  const index_t* entries_ = nullptr;
};

}  // namespace ariigcn
