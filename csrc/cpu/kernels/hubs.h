// Rows of very many edges, hubs, of which threads share the edges out. A hub's edges are cut into
// parts, where depends on the graph alone, and what the parts make is put together in their order.
#pragma once

#include <algorithm>
#include <vector>

#include "parallel.h"

namespace ariigcn::ARIIGCN_ISA {

constexpr int64_t kEdgesPerTask = 4096;  // of the loops over edges
constexpr int64_t kHubEdges = 2 * kEdgesPerTask;

// Edges first .. last of a row; those of a target are of one segment.
struct HubPart {
  int64_t row, segment, first, last;

  int64_t size() const { return last - first; }
};

class HubParts {
 public:
  void add(int64_t row, int64_t segment, int64_t first, int64_t last) {
    for (; first < last; first += kEdgesPerTask)
      parts_.push_back({row, segment, first, std::min(last, first + kEdgesPerTask)});
  }

  int64_t count() const { return parts_.size(); }
  const HubPart& operator[](int64_t p) const { return parts_[p]; }
  // The part that begins with that edge.
  int64_t from(int64_t edge) const {
    const auto before = [](const HubPart& part, int64_t e) { return part.first < e; };
    return std::lower_bound(parts_.begin(), parts_.end(), edge, before) - parts_.begin();
  }

  // Runs task(p, part) for each, on whichever thread is free. `make` gives a thread a task.
  template <typename Make>
  void run(const Make& make) const {
    run_tasks(count(), [&] { return [&, task = make()](int64_t p) { task(p, parts_[p]); }; });
  }
  // Calls visit(first, last) for all runs of parts of one row, or of one segment.
  template <typename Visit>
  void for_runs(int64_t HubPart::* of, const Visit& visit) const {
    for (int64_t first = 0, last; first < count(); first = last) {
      for (last = first + 1; last < count() && parts_[last].*of == parts_[first].*of;) ++last;
      visit(first, last);
    }
  }
  // Every part's number of each head becomes what `join` makes of those of all parts of its run.
  template <typename T, typename Heads, typename Join>
  void join(int64_t HubPart::* of, const Heads& heads, T* numbers, const Join& join) const {
    for_runs(of, [&](int64_t first, int64_t last) {
      auto all = heads.get(numbers, first);
      for (int64_t p = first + 1; p < last; ++p) all = join(all, heads.get(numbers, p));
      for (int64_t p = first; p < last; ++p) heads.put(numbers, p, all);
    });
  }
  // Of rows of so many numbers, one for every part, the first of each run becomes the sum of all,
  // which finish(part, p, sum) then takes.
  template <typename T, typename Finish>
  void add_up(int64_t HubPart::* of, T* rows, int64_t width, const Finish& finish) const {
    for_runs(of, [&](int64_t first, int64_t last) {
      T* sum = rows + first * width;
      for (int64_t p = first + 1; p < last; ++p)
        for (int64_t k = 0; k < width; ++k) sum[k] += rows[p * width + k];
      finish(parts_[first], first, sum);
    });
  }

 private:
  std::vector<HubPart> parts_;
};

inline bool is_hub(IndexArray ptr, int64_t row) { return ptr[row + 1] - ptr[row] > kHubEdges; }

// Of rows whose edges are ptr[row] .. ptr[row + 1].
inline HubParts hub_parts(IndexArray ptr, int64_t first, int64_t last) {
  HubParts parts;
  for (int64_t j = first; j < last; ++j)
    if (is_hub(ptr, j)) parts.add(j, j, ptr[j], ptr[j + 1]);
  return parts;
}
inline HubParts target_parts(const GraphPlan& graph, int64_t first, int64_t last) {
  HubParts parts;
  for (int64_t i = first; i < last; ++i) {
    if (!is_hub(graph.indptr, i)) continue;
    const int64_t end = graph.indptr[i + 1];
    for (int64_t s = graph.edge_seg[graph.indptr[i]]; s <= graph.edge_seg[end - 1]; ++s)
      parts.add(i, s, graph.seg_ptr[s], graph.seg_ptr[s + 1]);
  }
  return parts;
}

}  // namespace ariigcn::ARIIGCN_ISA
