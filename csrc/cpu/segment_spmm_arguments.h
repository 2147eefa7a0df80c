// What the segment kernels read and write.
#pragma once

#include "../segment_rows.h"

namespace ariigcn {

// out (groups, rows, width) = sum over a row's edges of weight x the other end's row
template <typename T>
struct SegmentSpmm {
  SegmentRows rows;
  const T* weight;  // (groups, edges)
  const T* feat;    // (groups, others, width)
  T* out;
};

// out (groups, edges) = the row of an edge's segment . that of its source
template <typename T>
struct SegmentSddmm {
  SegmentRows rows;
  const T* left;   // (groups, rows, width)
  const T* right;  // (groups, others, width)
  T* out;
};

}  // namespace ariigcn
