// What the segment kernels walk over; see ops/segment_spmm.py. Torch-free, for CPU and CUDA.
#pragma once

#include "graph_plan.h"

namespace ariigcn {

// G groups of E edges; each of `rows` results sums the rows of its edges' other ends, which are
// `width` wide.
struct SegmentRows {
  int64_t groups, rows, edges, others, width;
  IndexArray ptr;    // edges at positions ptr[r] .. ptr[r + 1] are of result r
  IndexArray edge;   // at each position; null: position k is edge k
  IndexArray other;  // row of each edge's other end
};

// Segments sum sources.
inline SegmentRows segment_rows(const GraphPlan& g, int64_t groups, int64_t width) {
  return {groups, g.num_segments, g.num_edges, g.num_src, width, g.seg_ptr, {}, g.indices};
}
// Sources sum segments.
inline SegmentRows source_rows(const GraphPlan& g, int64_t groups, int64_t width) {
  return {groups, g.num_src, g.num_edges, g.num_segments, width, g.t_indptr, g.t_eids, g.edge_seg};
}

}  // namespace ariigcn
