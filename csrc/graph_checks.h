// From a tensor and sizes to a graph's index structure, and whether its arrays belong together:
// kernels follow them without asking.
#pragma once

#include <vector>

#include "checks.h"
#include "graph_plan.h"

namespace ariigcn {

constexpr int64_t kMostIndices = INT32_MAX;  // of anything that a graph counts
constexpr int64_t kMostRels = 1 << 20;       // relations have an entry each, whether used or not

// The graph whose arrays lie in `plan`, which must be as long as the sizes say.
inline GraphPlan graph_plan(const Checks& check, const Checks::Tensor& plan,
                            const std::vector<int64_t>& sizes) {
  check.require(sizes.size() == 6, "sizes must be six numbers");
  bool small = sizes[4] >= 1 && sizes[4] <= kMostRels;
  for (const int64_t size : sizes) small &= size >= 0 && size <= kMostIndices;
  check.require(small, "sizes must be numbers of a graph");
  GraphPlan graph{{sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5]}};
  check.placed("plan", plan, Checks::ScalarType::Int, {graph.length()});
  graph.lie_in(plan.const_data_ptr<int32_t>());
  return graph;
}

// What follows looks at values, on the CPU.

// CSR rows: edges of consecutive targets, each from a source that exists.
inline void check_edges(const Checks& check, const GraphPlan& g) {
  check.bounds("indptr", g.indptr, g.num_dst + 1, g.num_edges);
  check.within("indices", g.indices, g.num_edges, g.num_src);
}

// Segments divide the edges of each target; every edge knows its segment.
inline void check_segments(const Checks& check, const GraphPlan& g) {
  check.bounds("seg_ptr", g.seg_ptr, g.num_segments + 1, g.num_edges);
  check.within("seg_dst", g.seg_dst, g.num_segments, g.num_dst);
  check.within("seg_rel", g.seg_rel, g.num_segments, g.num_rels);
  bool fits = true;
  for (int64_t p = 0; p < g.num_segments; ++p) {
    const int64_t begin = g.seg_ptr[p], end = g.seg_ptr[p + 1], target = g.seg_dst[p];
    fits &= begin >= g.indptr[target] && end <= g.indptr[target + 1];
    fits &= begin < end && (p == 0 || g.seg_dst[p - 1] <= target);
    for (int64_t e = begin; e < end; ++e) fits &= g.edge_seg[e] == p;
  }
  check.require(fits, "segments do not divide the edges of the targets");
}

// The edges of each source, by their positions.
inline void check_transpose(const Checks& check, const GraphPlan& g) {
  check.bounds("t_indptr", g.t_indptr, g.num_src + 1, g.num_edges);
  check.within("t_eids", g.t_eids, g.num_edges, g.num_edges);
  bool fits = true;
  for (int64_t j = 0; j < g.num_src; ++j)
    for (int64_t k = g.t_indptr[j]; k < g.t_indptr[j + 1]; ++k)
      fits &= g.indices[g.t_eids[k]] == j && (k == g.t_indptr[j] || g.t_eids[k - 1] < g.t_eids[k]);
  check.require(fits, "t_eids are not the edges of the sources");
}

// No edge leaves the range of nodes between two bounds.
inline void check_components(const Checks& check, const GraphPlan& g) {
  check.bounds("components", g.components, g.num_components + 1, g.num_dst);
  bool fits = true;
  for (int64_t c = 0; c < g.num_components; ++c)
    fits &= g.components[c] < g.components[c + 1];  // no range is empty: kernels divide by its size
  check.require(fits, "a component is empty");
  if (g.num_components <= 1) return;  // one range
  for (int64_t c = 0; c < g.num_components; ++c) {
    const int64_t first = g.components[c], last = g.components[c + 1];
    for (int64_t e = g.indptr[first]; e < g.indptr[last]; ++e)
      fits &= g.indices[e] >= first && g.indices[e] < last;
  }
  check.require(fits, "an edge leaves its component");
}

}  // namespace ariigcn
