// The index structure of a graph as kernels read it: arrays that lie one after the other in one
// int32 buffer, `Graph.plan`. Torch-free, for CPU and CUDA.
#pragma once

#include <cstdint>

#include "numeric.h"

namespace ariigcn {

// Entries are widened when they are read, so that offsets computed from them (row * width) have 64
// bits. Null where there is no array.
class IndexArray {
 public:
  IndexArray() = default;
  HOST_DEVICE IndexArray(const int32_t* entries) : entries_(entries) {}

  HOST_DEVICE int64_t operator[](int64_t k) const {
#ifdef __CUDA_ARCH__
    return __ldg(entries_ + k);  // no kernel writes it, which the compiler cannot know
#else
    return entries_[k];
#endif
  }
  HOST_DEVICE explicit operator bool() const { return entries_ != nullptr; }

 private:
  const int32_t* entries_ = nullptr;
};

// Of the Python class Sizes, in its order.
struct GraphSizes {
  int64_t num_dst, num_src, num_edges, num_segments, num_rels, num_components;
};

// What each array holds stands in the Python class Graph; FIELDS in graph/plan.py has their order.
template <typename Array>
struct GraphArrays : GraphSizes {
  Array indptr{}, indices{}, seg_ptr{}, seg_dst{}, seg_rel{}, edge_seg{}, t_indptr{}, t_eids{},
      rel_ptr{}, seg_order{}, dst_order{}, components{};

  // Calls visit(array, length) for every array, in the order of the buffer.
  template <typename Visit>
  void for_arrays(const Visit& visit) {
    visit(indptr, num_dst + 1);
    visit(indices, num_edges);
    visit(seg_ptr, num_segments + 1);
    visit(seg_dst, num_segments);
    visit(seg_rel, num_segments);
    visit(edge_seg, num_edges);
    visit(t_indptr, num_src + 1);
    visit(t_eids, num_edges);
    visit(rel_ptr, num_rels + 1);
    visit(seg_order, num_segments);
    visit(dst_order, num_dst);
    visit(components, num_components + 1);
  }

  int64_t length() {
    int64_t total = 0;
    for_arrays([&](Array&, int64_t size) { total += size; });
    return total;
  }

  template <typename Entry>
  void lie_in(Entry* buffer) {
    for_arrays([&](Array& array, int64_t size) {
      array = buffer;
      buffer += size;
    });
  }
};
using GraphPlan = GraphArrays<IndexArray>;

}  // namespace ariigcn
