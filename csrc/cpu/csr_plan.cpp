// The index structure that the kernels read, from any in-edges in CSR form: segments, transpose,
// components. Every part takes one or two passes over the edges.
#include "graph_checks.h"
#include "index_tensor.h"

#include <torch/csrc/stable/library.h>

#include <algorithm>
#include <limits>
#include <tuple>
#include <vector>

namespace {
using ariigcn::empty_index;
using torch::stable::Tensor;

// Lists, for every key, its positions in increasing order: order[offsets[k]:offsets[k + 1]].
void counting_sort(const int64_t* keys, int64_t size, int64_t num_keys, int64_t* offsets,
                   int64_t* order) {
  std::fill(offsets, offsets + num_keys + 1, 0);
  for (int64_t e = 0; e < size; ++e) ++offsets[keys[e] + 1];
  int64_t start = 0;
  for (int64_t k = 1; k <= num_keys; ++k) {
    const int64_t count = offsets[k];
    offsets[k] = start;
    start += count;
  }
  // offsets[k + 1] runs from the start of key k to its end, which is the start of key k + 1
  for (int64_t e = 0; e < size; ++e) order[offsets[keys[e] + 1]++] = e;
}

std::tuple<Tensor, Tensor> counting_sort_op(const Tensor& keys, int64_t num_keys) {
  const ariigcn::Checks check("counting_sort", keys);
  check.int64("keys", keys, {keys.numel()});
  check.require(num_keys >= 0, "num_keys must not be negative");
  check.within("keys", keys, num_keys);
  Tensor offsets = empty_index(num_keys + 1);
  Tensor order = empty_index(keys.numel());
  counting_sort(keys.const_data_ptr<int64_t>(), keys.numel(), num_keys,
                offsets.mutable_data_ptr<int64_t>(), order.mutable_data_ptr<int64_t>());
  return {offsets, order};
}

// Writes the target and the segment of every edge; returns the number of segments.
int64_t number_segments(const int64_t* indptr, const int64_t* etypes, int64_t nodes, int64_t* dst,
                        int64_t* edge_seg) {
  int64_t segment = -1;
  for (int64_t i = 0; i < nodes; ++i) {
    std::fill(dst + indptr[i], dst + indptr[i + 1], i);
    int64_t before = -1;
    for (int64_t e = indptr[i]; e < indptr[i + 1]; ++e) {
      segment += etypes[e] != before;
      before = etypes[e];
      edge_seg[e] = segment;
    }
  }
  return segment + 1;
}

// Boundaries of the finest contiguous ranges of nodes that no edge leaves. The targets of a source
// forbid every boundary between the lowest and the highest of them and itself; its edges are listed
// in the order of their targets, so that the first and the last tell.
std::vector<int64_t> find_components(const int64_t* t_indptr, const int64_t* t_eids,
                                     const int64_t* dst, int64_t nodes) {
  std::vector<int64_t> reach(nodes);  // highest node of the neighbourhoods that start here
  for (int64_t j = 0; j < nodes; ++j) {
    if (t_indptr[j] == t_indptr[j + 1]) continue;
    const int64_t lowest = std::min(j, dst[t_eids[t_indptr[j]]]);
    const int64_t highest = std::max(j, dst[t_eids[t_indptr[j + 1] - 1]]);
    reach[lowest] = std::max(reach[lowest], highest);
  }
  std::vector<int64_t> boundaries{0};
  for (int64_t i = 0, highest = 0; i < nodes; ++i) {
    highest = std::max(highest, reach[i]);
    if (highest <= i) boundaries.push_back(i + 1);
  }
  return boundaries;
}

using Plan = std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor>;

Plan csr_plan(const Tensor& indptr, const Tensor& indices, const Tensor& etypes, int64_t num_src) {
  const int64_t nodes = indptr.numel() - 1, edges = indices.numel();
  const ariigcn::Checks check("csr_plan", indptr);
  check.int64("indptr", indptr, {indptr.numel()});
  check.int64("indices", indices, {edges});
  check.int64("etypes", etypes, {edges});
  check.require(num_src >= 0, "num_src must not be negative");
  check_edges(check, indptr, indices, num_src);
  check.within("etypes", etypes, std::numeric_limits<int64_t>::max());
  const auto* row_ptr = indptr.const_data_ptr<int64_t>();
  const auto* type = etypes.const_data_ptr<int64_t>();

  Tensor dst = empty_index(edges), edge_seg = empty_index(edges);
  auto* target = dst.mutable_data_ptr<int64_t>();
  auto* segment = edge_seg.mutable_data_ptr<int64_t>();
  const int64_t segments = number_segments(row_ptr, type, nodes, target, segment);

  Tensor seg_ptr = empty_index(segments + 1), seg_dst = empty_index(segments),
         seg_rel = empty_index(segments);
  auto* first = seg_ptr.mutable_data_ptr<int64_t>();
  auto* seg_target = seg_dst.mutable_data_ptr<int64_t>();
  auto* seg_relation = seg_rel.mutable_data_ptr<int64_t>();
  first[0] = 0;
  for (int64_t e = 0; e < edges; ++e) first[segment[e] + 1] = e + 1;  // the last edge remains
  for (int64_t p = 0; p < segments; ++p) {
    seg_target[p] = target[first[p]];
    seg_relation[p] = type[first[p]];
  }

  Tensor t_indptr = empty_index(num_src + 1), t_eids = empty_index(edges);
  auto* t_start = t_indptr.mutable_data_ptr<int64_t>();
  auto* t_edge = t_eids.mutable_data_ptr<int64_t>();
  counting_sort(indices.const_data_ptr<int64_t>(), edges, num_src, t_start, t_edge);

  std::vector<int64_t> boundaries{0};
  if (num_src == nodes)
    boundaries = find_components(t_start, t_edge, target, nodes);
  else if (nodes > 0)
    boundaries.push_back(nodes);
  Tensor components = empty_index(boundaries.size());
  std::copy(boundaries.begin(), boundaries.end(), components.mutable_data_ptr<int64_t>());
  return {dst, seg_ptr, seg_dst, seg_rel, edge_seg, t_indptr, t_eids, components};
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ariigcn, CPU, m) {
  m.impl("counting_sort", TORCH_BOX(&counting_sort_op));
  m.impl("csr_plan", TORCH_BOX(&csr_plan));
}
