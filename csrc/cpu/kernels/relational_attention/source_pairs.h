// The (source, relation) pairs that a block has edges of.
#pragma once

#include "block.h"

namespace ariigcn::ARIIGCN_ISA {

// Calls visit(source, edge, relation, whether the source has no earlier edge of that relation) for
// all edges that leave the sources first .. last.
template <typename Visit>
inline void for_leaving_edges(const GraphPlan& graph, int64_t first, int64_t last,
                              const Visit& visit) {
  std::vector<int64_t> latest(graph.num_rels, -1);
  for (int64_t j = first; j < last; ++j)
    for (int64_t k = graph.t_indptr[j]; k < graph.t_indptr[j + 1]; ++k) {
      const int64_t e = graph.t_eids[k], r = graph.seg_rel[graph.edge_seg[e]];
      visit(j, e, r, latest[r] != j);
      latest[r] = j;
    }
}

inline int64_t count_source_pairs(const GraphPlan& graph) {
  int64_t count = 0;
  for_leaving_edges(graph, 0, graph.num_src,
                    [&](int64_t, int64_t, int64_t, bool first) { count += first; });
  return count;
}

// In order of relation, and by sources within each.
class SourcePairs {
 public:
  SourcePairs(const GraphPlan& graph, const Block& block, bool wanted) : edge_(block.edge) {
    if (!wanted) return;
    rel_.resize(graph.num_rels + 2);
    const auto count = [&](int64_t, int64_t, int64_t r, bool first) { rel_[r + 2] += first; };
    for_leaving_edges(graph, block.src, block.src_end, count);
    for (int64_t r = 0; r < graph.num_rels; ++r) rel_[r + 2] += rel_[r + 1];
    source_.resize(rel_.back());
    of_edge_.resize(block.edges());
    // rel_[r + 1] runs from the start of relation r to its end
    const auto list = [&](int64_t j, int64_t e, int64_t r, bool first) {
      if (first) source_[rel_[r + 1]++] = int32_t(j);
      of_edge_[e - edge_] = int32_t(rel_[r + 1] - 1);
    };
    for_leaving_edges(graph, block.src, block.src_end, list);
  }

  int64_t count() const { return source_.size(); }
  int64_t source(int64_t pair) const { return source_[pair]; }
  int64_t of_edge(int64_t e) const { return of_edge_[e - edge_]; }
  int64_t begin(int64_t r) const { return rel_[r]; }
  int64_t end(int64_t r) const { return rel_[r + 1]; }
  // The first of relation r whose source is at least `source`.
  int64_t from_source(int64_t r, int64_t source) const {
    const auto first = source_.begin();
    return std::lower_bound(first + begin(r), first + end(r), source) - first;
  }

 private:
  int64_t edge_;
  std::vector<int64_t> rel_;
  std::vector<int32_t> source_, of_edge_;
};

// The edges of each pair, ascending.
class PairEdges {
 public:
  PairEdges(const SourcePairs& pairs, const Block& block)
      : ptr_(pairs.count() + 2), edges_(pairs.count() > 0 ? block.edges() : 0) {
    if (edges_.empty()) return;
    for (int64_t e = block.edge; e < block.edge_end; ++e) ++ptr_[pairs.of_edge(e) + 2];
    for (int64_t q = 0; q < pairs.count(); ++q) ptr_[q + 2] += ptr_[q + 1];
    for (int64_t e = block.edge; e < block.edge_end; ++e)
      edges_[ptr_[pairs.of_edge(e) + 1]++] = int32_t(e);
  }
  // Those of a pair lie at ptr()[pair] .. ptr()[pair + 1] of the list.
  IndexArray ptr() const { return ptr_.data(); }
  const int32_t* list() const { return edges_.data(); }

 private:
  std::vector<int32_t> ptr_, edges_;
};

}  // namespace ariigcn::ARIIGCN_ISA
