// The index structure that kernels read, `Graph.plan`, from in-edges in CSR form: segments,
// transpose, order by relation, components. Every part takes one or two passes over the edges.
#include "../graph_checks.h"
#include "counting_sort.h"
#include "index_tensor.h"

#include <torch/csrc/stable/ops.h>

#include <torch/csrc/stable/library.h>

#include <algorithm>
#include <tuple>
#include <vector>

namespace {
using namespace ariigcn;
using torch::stable::Tensor;

// In-edges of `nodes` targets, sorted by relation within each.
struct Rows {
  const int64_t *indptr, *indices, *etypes;
  int64_t nodes;

  // How many runs of edges of one target and relation there are.
  int64_t count_segments() const {
    const int64_t edges = indptr[nodes];
    int64_t changes = 0;
#pragma omp simd reduction(+ : changes)
    for (int64_t e = 1; e < edges; ++e) changes += etypes[e] != etypes[e - 1];
    for (int64_t i = 0; i < nodes; ++i) {
      const int64_t first = indptr[i];  // of which one begins anyway
      changes += first < indptr[i + 1] && (first == 0 || etypes[first] == etypes[first - 1]);
    }
    return changes;
  }
  // Bounds of the finest contiguous ranges of nodes that no edge leaves.
  std::vector<int64_t> components() const {
    std::vector<int64_t> reach(nodes);  // the highest node that an edge joins with this lower one
    for (int64_t i = 0; i < nodes; ++i) {
      int64_t lowest = i, highest = i;
      for (int64_t e = indptr[i]; e < indptr[i + 1]; ++e) {
        lowest = std::min(lowest, indices[e]);
        highest = std::max(highest, indices[e]);
      }
      reach[lowest] = std::max(reach[lowest], highest);
    }
    std::vector<int64_t> bounds{0};
    for (int64_t i = 0, highest = 0; i < nodes; ++i) {
      highest = std::max(highest, reach[i]);
      if (highest <= i) bounds.push_back(i + 1);
    }
    return bounds;
  }
};

// Without a branch on where a segment ends, which nothing foretells.
void fill_segments(const Rows& rows, GraphArrays<int32_t*>& to) {
  int32_t segment = -1;
  to.seg_ptr[0] = 0;
  for (int64_t i = 0; i < rows.nodes; ++i)
    for (int64_t first = rows.indptr[i], e = first; e < rows.indptr[i + 1]; ++e) {
      segment += e == first || rows.etypes[e] != rows.etypes[e - 1];
      to.edge_seg[e] = segment;
      to.seg_dst[segment] = int32_t(i);
      to.seg_rel[segment] = int32_t(rows.etypes[e]);
      to.seg_ptr[segment + 1] = int32_t(e + 1);
    }
}

// Targets by their first relation, and among those by their last; without edges, as by relation 0.
void fill_target_order(const Rows& rows, GraphArrays<int32_t*>& to) {
  const auto relation = [&](int64_t i, bool last) {
    const int64_t first = rows.indptr[i], end = rows.indptr[i + 1];
    return first == end ? 0 : rows.etypes[last ? end - 1 : first];
  };
  std::vector<int32_t> offsets(to.num_rels + 1), by_last(rows.nodes);
  counting_sort([&](int64_t i) { return relation(i, true); }, rows.nodes, to.num_rels,
                offsets.data(), by_last.data());
  counting_sort([&](int64_t i) { return relation(i, false); }, rows.nodes, to.num_rels,
                offsets.data(), to.dst_order, [&](int64_t k) { return by_last[k]; });
}

// What the host wants to know of a graph without asking a device; see Facts in graph/plan.py.
std::pair<int64_t, int64_t> facts_of(const Rows& rows, int64_t num_src) {
  int64_t first_without = -1;
  bool self_edges = rows.nodes == num_src;
  for (int64_t i = 0; i < rows.nodes; ++i) {
    const int64_t first = rows.indptr[i], end = rows.indptr[i + 1];
    if (first == end && first_without < 0) first_without = i;
    self_edges = self_edges && std::count(rows.indices + first, rows.indices + end, i) == 1;
  }
  return {first_without, self_edges};
}

std::tuple<Tensor, Tensor> csr_plan(const Tensor& indptr, const Tensor& indices,
                                    const Tensor& etypes, int64_t num_rels, int64_t num_src,
                                    bool split) {
  const int64_t nodes = indptr.numel() - 1, edges = indices.numel();
  const Checks check("csr_plan", indptr);
  check.int64("indptr", indptr, {indptr.numel()});
  check.int64("indices", indices, {edges});
  check.int64("etypes", etypes, {edges});
  check.require(num_rels >= 0 && num_rels <= kMostRels, "num_rels must lie in [0, 2^20]");
  check.require(num_src >= 0 && std::max({num_src, nodes, edges}) <= kMostIndices,
                "a graph has at most 2^31 - 1 nodes and edges");
  const Rows rows{indptr.const_data_ptr<int64_t>(), indices.const_data_ptr<int64_t>(),
                  etypes.const_data_ptr<int64_t>(), nodes};
  check.bounds("indptr", rows.indptr, nodes + 1, edges);
  require_within(check, "indices", indices, num_src);
  require_within(check, "etypes", etypes, num_rels);

  GraphArrays<int32_t*> to{{nodes, num_src, edges, rows.count_segments(), num_rels, 0}};
  std::vector<int64_t> bounds{0};
  if (split && num_src == nodes)
    bounds = rows.components();
  else if (nodes > 0)
    bounds.push_back(nodes);
  to.num_components = int64_t(bounds.size()) - 1;

  Tensor plan = torch::stable::new_empty(indptr, {to.length()}, Checks::ScalarType::Int);
  to.lie_in(plan.mutable_data_ptr<int32_t>());
  std::copy_n(rows.indptr, nodes + 1, to.indptr);
  std::copy_n(rows.indices, edges, to.indices);
  fill_segments(rows, to);
  counting_sort([&](int64_t e) { return rows.indices[e]; }, edges, num_src, to.t_indptr, to.t_eids);
  counting_sort([&](int64_t p) { return to.seg_rel[p]; }, to.num_segments, num_rels, to.rel_ptr,
                to.seg_order);
  fill_target_order(rows, to);
  std::copy(bounds.begin(), bounds.end(), to.components);

  const auto [first_without, self_edges] = facts_of(rows, num_src);
  Tensor facts = empty_index(4);
  auto* fact = facts.mutable_data_ptr<int64_t>();
  fact[0] = to.num_segments;
  fact[1] = to.num_components;
  fact[2] = first_without;
  fact[3] = self_edges;
  return {plan, facts};
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ariigcn, CPU, m) { m.impl("csr_plan", TORCH_BOX(&csr_plan)); }
