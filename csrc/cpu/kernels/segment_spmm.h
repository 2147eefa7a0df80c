// Weighted sums of neighbour rows per segment, and the dot products that are their gradient.
#pragma once

#include "edge_rows.h"
#include "parallel.h"

namespace ariigcn::ARIIGCN_ISA {

constexpr int64_t kSegmentsPerTask = 64;

// Calls row(g, p) for every segment p of every group g; a task owns some of them.
template <typename Row>
inline void for_segments(const SegmentGraph& graph, const Row& row) {
  run_ranges(graph.groups * graph.segments, kSegmentsPerTask, [&](int64_t first, int64_t last) {
    for (int64_t at = first; at < last; ++at) row(at / graph.segments, at % graph.segments);
  });
}

// Source row of edge e in group g.
template <typename T>
inline auto source_rows(const SegmentGraph& graph, const T* feat, int64_t g) {
  const T* base = feat + g * graph.nodes * graph.width;
  return [=, indices = graph.indices, width = graph.width](int64_t e) {
    return base + indices[e] * width;
  };
}

template <typename T>
void segment_spmm(const SegmentSpmm<T>& in) {
  const SegmentGraph& graph = in.graph;
  for_segments(graph, [&](int64_t g, int64_t p) {
    sum_rows<T>(graph.seg_ptr[p], graph.seg_ptr[p + 1], source_rows(graph, in.feat, g), graph.width,
                WeightedTerm<T>{in.weight + g * graph.edges},
                in.out + (g * graph.segments + p) * graph.width);
  });
}

template <typename T>
void segment_sddmm(const SegmentSddmm<T>& in) {
  const SegmentGraph& graph = in.graph;
  for_segments(graph, [&](int64_t g, int64_t p) {
    const T* row = in.left + (g * graph.segments + p) * graph.width;
    T* out = in.out + g * graph.edges;
    reduce_rows<T>(graph.seg_ptr[p], graph.seg_ptr[p + 1], source_rows(graph, in.right, g),
                   graph.width, DotTerm<T>{row, {}}, [=](int64_t e, T dot) { out[e] = dot; });
  });
}

}  // namespace ariigcn::ARIIGCN_ISA
