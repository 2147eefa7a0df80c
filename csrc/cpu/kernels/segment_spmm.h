// Weighted sums of neighbour rows, and the dot products that are their gradient.
#pragma once

#include "edge_rows.h"
#include "hubs.h"

namespace ariigcn::ARIIGCN_ISA {

constexpr int64_t kSegmentsPerTask = 64;

// Row of the other end of the edge at a position, in group g.
template <typename T>
inline auto other_rows(const SegmentRows& rows, const T* feat, int64_t g) {
  const T* base = feat + g * rows.others * rows.width;
  return [=, edge = rows.edge, other = rows.other, width = rows.width](int64_t k) {
    return base + other[edge ? edge[k] : k] * width;
  };
}

// Runs visit(g, r) for the rows of all groups that are no hubs. `make` gives a thread a visit.
template <typename Make>
inline void run_rows(const SegmentRows& rows, const Make& make) {
  const int64_t total = rows.groups * rows.rows;
  run_tasks(ceil_div(total, kSegmentsPerTask), [&] {
    return [&, visit = make()](int64_t t) {
      const int64_t end = std::min(total, (t + 1) * kSegmentsPerTask);
      for (int64_t at = t * kSegmentsPerTask; at < end; ++at)
        if (const int64_t r = at % rows.rows; !is_hub(rows.ptr, r)) visit(at / rows.rows, r);
    };
  });
}

// to = the sum over edges first .. last of group g; `gathered` is scratch, a number for each.
template <typename T>
inline void sum_edges(const SegmentSpmm<T>& in, int64_t g, int64_t first, int64_t last, T* gathered,
                      T* to) {
  const SegmentRows& rows = in.rows;
  const T* weight = in.weight + g * rows.edges;
  if (rows.edge) {
    for (int64_t k = first; k < last; ++k) gathered[k - first] = weight[rows.edge[k]];
    weight = gathered - first;
  }
  sum_rows<T>(first, last, other_rows(rows, in.feat, g), rows.width, WeightedTerm<T>{weight}, to);
}

template <typename T>
void segment_spmm(const SegmentSpmm<T>& in) {
  const SegmentRows& rows = in.rows;
  const auto row = [&](int64_t g, int64_t r) { return in.out + (g * rows.rows + r) * rows.width; };
  const HubParts hubs = hub_parts(rows.ptr, 0, rows.rows);
  const Buffer<T> of_parts(hubs.count() * rows.width);
  for (int64_t g = 0; g < rows.groups; ++g) {
    hubs.run([&] {
      return [&, gathered = Buffer<T>(kEdgesPerTask)](int64_t p, const HubPart& part) {
        sum_edges(in, g, part.first, part.last, gathered + 0, of_parts + p * rows.width);
      };
    });
    hubs.add_up<T>(&HubPart::row, of_parts, rows.width, [&](const HubPart& part, int64_t, T* sum) {
      std::copy_n(sum, rows.width, row(g, part.row));
    });
  }
  int64_t most = 0;  // edges of a row whose weights do not lie side by side
  for (int64_t r = 0; r < rows.rows && rows.edge; ++r)
    most = std::max(most, rows.ptr[r + 1] - rows.ptr[r]);
  run_rows(rows, [&] {
    return [&, gathered = Buffer<T>(std::min(most, kHubEdges))](int64_t g, int64_t r) {
      sum_edges(in, g, rows.ptr[r], rows.ptr[r + 1], gathered + 0, row(g, r));
    };
  });
}

template <typename T>
void segment_sddmm(const SegmentSddmm<T>& in) {
  const SegmentRows& rows = in.rows;
  const auto dots = [&](int64_t g, int64_t r, int64_t first, int64_t last) {
    T* out = in.out + g * rows.edges;
    reduce_rows<T>(OneHead<T>{}, first, last, other_rows(rows, in.right, g), rows.width,
                   DotTerm<T>{in.left + (g * rows.rows + r) * rows.width, {}},
                   [=](int64_t e, T dot) { out[e] = dot; });
  };
  const HubParts hubs = hub_parts(rows.ptr, 0, rows.rows);
  for (int64_t g = 0; g < rows.groups; ++g)
    hubs.run([&] {
      return [&](int64_t, const HubPart& part) { dots(g, part.row, part.first, part.last); };
    });
  run_rows(rows,
           [&] { return [&](int64_t g, int64_t r) { dots(g, r, rows.ptr[r], rows.ptr[r + 1]); }; });
}

}  // namespace ariigcn::ARIIGCN_ISA
