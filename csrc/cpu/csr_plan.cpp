// The index structure that kernels read: segments, transpose, order by relation, components. Every
// part takes one or two passes over the edges.
#include "csr_plan.h"

#include <torch/csrc/stable/library.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "../graph_checks.h"
#include "counting_sort.h"
#include "index_tensor.h"

namespace ariigcn {
namespace {
using torch::stable::Tensor;

// How many runs of edges of one target and relation there are.
int64_t count_segments(const Rows& rows) {
  const int32_t edges = rows.indptr[rows.num_dst];
  const auto* etypes = rows.etypes;
  int32_t changes = 0;
#pragma omp simd reduction(+ : changes)
  for (int32_t e = 1; e < edges; ++e) changes += etypes[e] != etypes[e - 1];
  for (int64_t i = 0; i < rows.num_dst; ++i) {
    const int64_t first = rows.indptr[i];  // of which one begins anyway
    changes += first < rows.indptr[i + 1] && (first == 0 || etypes[first] == etypes[first - 1]);
  }
  return changes;
}

// Bounds of the finest contiguous ranges of nodes that no edge leaves.
std::vector<int32_t> components(const Rows& rows) {
  const auto nodes = int32_t(rows.num_dst);
  std::vector<int32_t> reach(nodes);  // the highest node that an edge joins with this lower one
  for (int32_t i = 0; i < nodes; ++i) {
    int32_t lowest = i, highest = i;
    for (int64_t e = rows.indptr[i]; e < rows.indptr[i + 1]; ++e) {
      lowest = std::min(lowest, rows.indices[e]);
      highest = std::max(highest, rows.indices[e]);
    }
    reach[lowest] = std::max(reach[lowest], highest);
  }
  std::vector<int32_t> bounds{0};
  for (int32_t i = 0, highest = 0; i < nodes; ++i) {
    highest = std::max(highest, reach[i]);
    if (highest <= i) bounds.push_back(i + 1);
  }
  return bounds;
}

// Without a branch on where a segment ends, which nothing foretells.
void fill_segments(const Rows& rows, GraphArrays<int32_t*>& to) {
  int32_t segment = -1;
  to.seg_ptr[0] = 0;
  for (int32_t i = 0; i < rows.num_dst; ++i) {
    const int32_t end = rows.indptr[i + 1];
    for (int32_t e = rows.indptr[i], before = -1; e < end; ++e) {
      const int32_t relation = rows.etypes[e];
      segment += relation != before;
      before = relation;
      to.edge_seg[e] = segment;
      to.seg_dst[segment] = i;
      to.seg_rel[segment] = relation;
      to.seg_ptr[segment + 1] = e + 1;
    }
  }
}

// Targets by their first relation, and among those by their last; without edges, as by relation 0.
void fill_target_order(const Rows& rows, GraphArrays<int32_t*>& to) {
  const auto relation = [&](int64_t i, bool last) {
    const int64_t first = rows.indptr[i], end = rows.indptr[i + 1];
    return first == end ? 0 : rows.etypes[last ? end - 1 : first];
  };
  std::vector<int32_t> offsets(to.num_rels + 1), by_last(rows.num_dst);
  counting_sort([&](int64_t i) { return relation(i, true); }, rows.num_dst, to.num_rels,
                offsets.data(), by_last.data());
  counting_sort([&](int64_t i) { return relation(i, false); }, rows.num_dst, to.num_rels,
                offsets.data(), to.dst_order, [&](int64_t k) { return by_last[k]; });
}

// What the host wants to know of a graph without asking a device.
void fill_facts(const Rows& rows, const GraphArrays<int32_t*>& plan, int64_t* facts) {
  int64_t first_without = -1;
  bool self_edges = rows.num_dst == rows.num_src;
  for (int64_t i = 0; i < rows.num_dst; ++i) {
    const int64_t first = rows.indptr[i], end = rows.indptr[i + 1];
    if (first == end && first_without < 0) first_without = i;
    self_edges = self_edges && std::count(rows.indices + first, rows.indices + end, i) == 1;
  }
  *facts++ = plan.num_segments;
  *facts++ = plan.num_components;
  *facts++ = first_without;
  *facts++ = self_edges;
  for (int64_t r = 0; r < rows.num_rels; ++r) *facts++ = plan.rel_ptr[r + 1] - plan.rel_ptr[r];
}

std::tuple<Tensor, Tensor> csr_plan(const Tensor& indptr, const Tensor& indices,
                                    const Tensor& etypes, int64_t num_rels, int64_t num_src,
                                    bool split) {
  const int64_t num_dst = indptr.numel() - 1, edges = indices.numel();
  const Checks check("csr_plan", indptr);
  check.int64("indptr", indptr, {indptr.numel()});
  check.int64("indices", indices, {edges});
  check.int64("etypes", etypes, {edges});
  check.bounds("indptr", indptr.const_data_ptr<int64_t>(), indptr.numel(), edges);
  check_counts(check, num_dst, num_src, edges, num_rels);
  const Indices begins = narrowed(check, "indptr", indptr, edges + 1),
                sources = narrowed(check, "indices", indices, num_src),
                relations = narrowed(check, "etypes", etypes, num_rels);
  return plan_of_rows({begins.get(), sources.get(), relations.get(), num_dst, num_src, num_rels},
                      split);
}

}  // namespace

void check_counts(const Checks& check, int64_t num_dst, int64_t num_src, int64_t num_edges,
                  int64_t num_rels) {
  check.require(num_rels >= 1 && num_rels <= kMostRels, "num_rels must lie in [1, 2^20]");
  check.require(
      std::min(num_src, num_dst) >= 0 && std::max({num_src, num_dst, num_edges}) <= kMostIndices,
      "a graph has at most 2^31 - 1 nodes and edges");
}

std::tuple<Tensor, Tensor> plan_of_rows(const Rows& rows, bool split) {
  const auto [indptr, indices, etypes, num_dst, num_src, num_rels] = rows;
  const int64_t edges = indptr[num_dst];
  GraphArrays<int32_t*> to{{num_dst, num_src, edges, count_segments(rows), num_rels, 0}};
  std::vector<int32_t> bounds{0};
  if (split && num_src == num_dst)
    bounds = components(rows);
  else if (num_dst > 0)
    bounds.push_back(int32_t(num_dst));
  to.num_components = int64_t(bounds.size()) - 1;

  Tensor plan = empty_index<int32_t>(to.length());
  to.lie_in(plan.mutable_data_ptr<int32_t>());
  std::copy_n(indptr, num_dst + 1, to.indptr);
  std::copy_n(indices, edges, to.indices);
  fill_segments(rows, to);
  counting_sort([=](int64_t e) { return indices[e]; }, edges, num_src, to.t_indptr, to.t_eids);
  counting_sort([&](int64_t p) { return to.seg_rel[p]; }, to.num_segments, num_rels, to.rel_ptr,
                to.seg_order);
  fill_target_order(rows, to);
  std::copy(bounds.begin(), bounds.end(), to.components);
  Tensor facts = empty_index(4 + num_rels);
  fill_facts(rows, to, facts.mutable_data_ptr<int64_t>());
  return {plan, facts};
}

}  // namespace ariigcn

STABLE_TORCH_LIBRARY_IMPL(ariigcn, CPU, m) { m.impl("csr_plan", TORCH_BOX(&ariigcn::csr_plan)); }
