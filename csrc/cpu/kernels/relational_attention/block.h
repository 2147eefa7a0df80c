// A run of rows whose edges stay among them, with its segments in order of relation: what one pass
// of the relational attention works on, so that its intermediate results fit into the cache.
#pragma once

#include <numeric>
#include <vector>

#include "../hubs.h"

namespace ariigcn::ARIIGCN_ISA {

// Blocks close at the first boundary between components after so many rows.
constexpr int64_t kBlockRows = 2048;

constexpr int64_t kRowsPerProduct = 192;  // rows of one task of a matrix product

struct Block {
  int64_t dst, dst_end, src, src_end;  // target and source rows
  int64_t edge, edge_end, seg, seg_end;
  const int64_t* order;     // segments by (relation, target), counted from `seg`
  const int64_t* position;  // of a segment in `order`
  const int64_t* rel;       // positions of relation r are rel[r]..rel[r + 1]
  const HubParts* hubs;     // of targets

  int64_t targets() const { return dst_end - dst; }
  int64_t sources() const { return src_end - src; }
  int64_t edges() const { return edge_end - edge; }
  int64_t segments() const { return seg_end - seg; }
};

// Sorts the block's segments by relation; stable, so targets ascend within each.
inline void sort_by_relation(const GraphPlan& graph, const Block& block, int64_t* order,
                             int64_t* position, int64_t* rel) {
  std::fill(rel, rel + graph.num_rels + 2, 0);
  for (int64_t s = block.seg; s < block.seg_end; ++s) ++rel[graph.seg_rel[s] + 2];
  for (int64_t r = 0; r < graph.num_rels; ++r) rel[r + 2] += rel[r + 1];
  for (int64_t s = 0; s < block.segments(); ++s) {
    const int64_t at = rel[graph.seg_rel[block.seg + s] + 1]++;
    order[at] = s;
    position[s] = at;
  }
}

// Calls work(block) for every block of the graph, one after the other.
template <typename Work>
inline void for_blocks(const GraphPlan& graph, const Work& work) {
  const bool square = graph.num_dst == graph.num_src;
  Buffer<int64_t> rel(graph.num_rels + 2);
  int64_t seg = 0;
  for (int64_t c = 0; c < graph.num_components;) {
    Block block{};
    block.dst = block.src = graph.components[c];
    do ++c;
    while (c < graph.num_components && (!square || graph.components[c] - block.dst < kBlockRows));
    block.dst_end = graph.components[c];
    block.src_end = square ? block.dst_end : graph.num_src;
    block.edge = graph.indptr[block.dst];
    block.edge_end = graph.indptr[block.dst_end];
    block.seg = seg;
    while (seg < graph.num_segments && graph.seg_ptr[seg] < block.edge_end) ++seg;
    block.seg_end = seg;
    Buffer<int64_t> order(block.segments()), position(block.segments());
    sort_by_relation(graph, block, order, position, rel);
    block.order = order;
    block.position = position;
    block.rel = rel;
    const HubParts hubs = target_parts(graph, block.dst, block.dst_end);
    block.hubs = &hubs;
    work(block);
  }
}

// First position of relation r in the block whose target is at least `target`.
inline int64_t first_position(const GraphPlan& graph, const Block& block, int64_t r,
                              int64_t target) {
  int64_t low = block.rel[r], high = block.rel[r + 1];
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (graph.seg_dst[block.seg + block.order[middle]] < target)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

// Rows of `width` elements that stay near the core while a weight is applied to them.
inline int64_t rows_in_cache(int64_t width) {
  constexpr int64_t elements = 1 << 17;
  return std::clamp<int64_t>(elements / std::max<int64_t>(1, width), 96, 768);
}

// Rows cut into tasks of at most so many rows and, unless a single row has more, so many edges: in
// graphs with hubs rows of few edges do not wait behind those of many. Where the cuts lie depends
// on the graph alone. Tasks of one large row are begun first, so that none is left over at the end;
// rows of more edges than `left_out` are for others to work on.
class RowTasks {
 public:
  RowTasks(IndexArray ptr, int64_t first, int64_t last, int64_t most_rows, int64_t most_edges,
           int64_t left_out = std::numeric_limits<int64_t>::max())
      : bounds_{first} {
    for (int64_t i = first; i < last; ++i) {
      const int64_t begin = bounds_.back();
      if (i == begin || (i - begin < most_rows && ptr[i + 1] - ptr[begin] <= most_edges)) continue;
      bounds_.push_back(i);
    }
    if (first < last) bounds_.push_back(last);
    order_.resize(bounds_.size() - 1);
    std::iota(order_.begin(), order_.end(), int64_t(0));
    const auto edges = [&](int64_t t) { return ptr[bounds_[t + 1]] - ptr[bounds_[t]]; };
    const auto large = std::stable_partition(order_.begin(), order_.end(),
                                             [&](int64_t t) { return edges(t) > most_edges; });
    std::stable_sort(order_.begin(), large,
                     [&](int64_t s, int64_t t) { return edges(s) > edges(t); });
    const auto is_left = [&](int64_t t) { return edges(t) <= left_out; };
    order_.erase(order_.begin(), std::find_if(order_.begin(), large, is_left));
  }

  int64_t count() const { return bounds_.size() - 1; }
  // Runs task(t, first, last) for each, on whichever thread is free. `make` gives a thread a task.
  template <typename Make>
  void run(const Make& make) const {
    run_tasks(order_.size(), [&] {
      return [&, task = make()](int64_t k) {
        task(order_[k], bounds_[order_[k]], bounds_[order_[k] + 1]);
      };
    });
  }

 private:
  std::vector<int64_t> bounds_, order_;
};

// The tasks of a loop over edges: rows, and parts of those that are hubs.
class EdgeTasks : public RowTasks {
 public:
  const HubParts hubs;

  EdgeTasks(IndexArray ptr, int64_t first, int64_t last, HubParts hubs)
      : RowTasks(ptr, first, last, kRowsPerEdgeTask, kEdgesPerTask, kHubEdges),
        hubs(std::move(hubs)) {}

 private:
  static constexpr int64_t kRowsPerEdgeTask = 32;
};

inline EdgeTasks target_tasks(const GraphPlan& graph, const Block& block) {
  return {graph.indptr, block.dst, block.dst_end, *block.hubs};
}
inline EdgeTasks source_tasks(const GraphPlan& graph, const Block& block) {
  return {graph.t_indptr, block.src, block.src_end,
          hub_parts(graph.t_indptr, block.src, block.src_end)};
}

// Nodes per task of the relations' products, of which so many have so many rows of some relation:
// as many as keep a relation's rows in the cache, so that its weight is read seldom, in equal
// shares for all threads.
inline int64_t product_range(const GraphPlan& graph, int64_t nodes, int64_t rows, int64_t width) {
  const int64_t most = rows_in_cache(width) * graph.num_rels * nodes / std::max<int64_t>(1, rows);
  const int64_t threads = torch::stable::get_num_threads();
  const int64_t ranges = ceil_div(ceil_div(nodes, std::max<int64_t>(1, most)), threads);
  return ceil_div(nodes, ranges * threads);
}

}  // namespace ariigcn::ARIIGCN_ISA
