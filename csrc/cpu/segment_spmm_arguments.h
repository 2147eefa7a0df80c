// What the segment kernels read and write; see ops/segment_spmm.py.
#pragma once

#include <cstdint>

namespace ariigcn {

// G groups of E edges from `nodes` sources to `segments` segments; rows are `width` wide.
struct SegmentGraph {
  int64_t groups, segments, edges, nodes, width;
  const int64_t *seg_ptr, *indices;
};

// out (groups, segments, width) = sum over a segment's edges of weight x source row
template <typename T>
struct SegmentSpmm {
  SegmentGraph graph;
  const T* weight;  // (groups, edges)
  const T* feat;    // (groups, nodes, width)
  T* out;
};

// out (groups, edges) = segment row . source row
template <typename T>
struct SegmentSddmm {
  SegmentGraph graph;
  const T* left;   // (groups, segments, width)
  const T* right;  // (groups, nodes, width)
  T* out;
};

}  // namespace ariigcn
