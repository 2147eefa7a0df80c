// Weighted sums of neighbour rows, and the dot products that are their gradient.
#pragma once

#include "edge_rows.h"
#include "parallel.h"

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

template <typename T>
void segment_spmm(const SegmentSpmm<T>& in) {
  const SegmentRows& rows = in.rows;
  int64_t most = 0;  // edges of a row whose weights do not lie side by side
  for (int64_t r = 0; r < rows.rows && rows.edge; ++r)
    most = std::max(most, rows.ptr[r + 1] - rows.ptr[r]);
  const int64_t total = rows.groups * rows.rows;
  run_tasks(ceil_div(total, kSegmentsPerTask), [&] {
    return [&, gathered = Buffer<T>(most)](int64_t t) {
      const int64_t end = std::min(total, (t + 1) * kSegmentsPerTask);
      for (int64_t at = t * kSegmentsPerTask; at < end; ++at) {
        const int64_t g = at / rows.rows, r = at % rows.rows;
        const int64_t first = rows.ptr[r], last = rows.ptr[r + 1];
        const T* weight = in.weight + g * rows.edges;
        if (rows.edge) {
          for (int64_t k = first; k < last; ++k) gathered[k - first] = weight[rows.edge[k]];
          weight = gathered - first;
        }
        sum_rows<T>(first, last, other_rows(rows, in.feat, g), rows.width, WeightedTerm<T>{weight},
                    in.out + at * rows.width);
      }
    };
  });
}

template <typename T>
void segment_sddmm(const SegmentSddmm<T>& in) {
  const SegmentRows& rows = in.rows;
  run_ranges(rows.groups * rows.rows, kSegmentsPerTask, [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; ++at) {
      const int64_t g = at / rows.rows, r = at % rows.rows;
      T* out = in.out + g * rows.edges;
      reduce_rows<T>(OneHead<T>{}, rows.ptr[r], rows.ptr[r + 1], other_rows(rows, in.right, g),
                     rows.width, DotTerm<T>{in.left + at * rows.width, {}},
                     [=](int64_t e, T dot) { out[e] = dot; });
    }
  });
}

}  // namespace ariigcn::ARIIGCN_ISA
