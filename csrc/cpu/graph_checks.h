// Whether index arrays on the CPU belong together: kernels follow them without asking.
#pragma once

#include "../checks.h"

namespace ariigcn {

inline const int64_t* index_of(const torch::stable::Tensor& t) {
  return t.const_data_ptr<int64_t>();
}

// CSR rows: edges of consecutive targets, each from a source that exists.
inline void check_edges(const Checks& check, const torch::stable::Tensor& indptr,
                        const torch::stable::Tensor& indices, int64_t num_src) {
  check.bounds("indptr", indptr, indices.numel());
  check.within("indices", indices, num_src);
}

// Segments divide the edges of each target; every edge knows its segment.
inline void check_segments(const Checks& check, const torch::stable::Tensor& indptr,
                           const torch::stable::Tensor& seg_ptr,
                           const torch::stable::Tensor& seg_dst,
                           const torch::stable::Tensor& edge_seg) {
  check.bounds("seg_ptr", seg_ptr, edge_seg.numel());
  check.within("seg_dst", seg_dst, indptr.numel() - 1);
  const int64_t *row = index_of(indptr), *begin = index_of(seg_ptr), *target = index_of(seg_dst);
  const int64_t* segment = index_of(edge_seg);
  bool fits = true;
  for (int64_t p = 0; p < seg_dst.numel(); ++p) {
    fits &= begin[p] >= row[target[p]] && begin[p + 1] <= row[target[p] + 1];
    fits &= begin[p] < begin[p + 1] && (p == 0 || target[p - 1] <= target[p]);
    for (int64_t e = begin[p]; e < begin[p + 1]; ++e) fits &= segment[e] == p;
  }
  check.require(fits, "segments do not divide the edges of the targets");
}

// The edges of each source, by their positions.
inline void check_transpose(const Checks& check, const torch::stable::Tensor& indices,
                            const torch::stable::Tensor& t_indptr,
                            const torch::stable::Tensor& t_eids) {
  check.bounds("t_indptr", t_indptr, t_eids.numel());
  check.within("t_eids", t_eids, indices.numel());
  const int64_t *source = index_of(indices), *begin = index_of(t_indptr), *edge = index_of(t_eids);
  bool fits = true;
  for (int64_t j = 0; j + 1 < t_indptr.numel(); ++j)
    for (int64_t k = begin[j]; k < begin[j + 1]; ++k)
      fits &= source[edge[k]] == j && (k == begin[j] || edge[k - 1] < edge[k]);
  check.require(fits, "t_eids are not the edges of the sources");
}

// No edge leaves the range of nodes between two bounds.
inline void check_components(const Checks& check, const torch::stable::Tensor& indptr,
                             const torch::stable::Tensor& indices,
                             const torch::stable::Tensor& components) {
  check.bounds("components", components, indptr.numel() - 1);
  if (components.numel() <= 2) return;  // one range
  const int64_t *row = index_of(indptr), *source = index_of(indices), *bound = index_of(components);
  bool fits = true;
  for (int64_t c = 0; c + 1 < components.numel(); ++c)
    for (int64_t e = row[bound[c]]; e < row[bound[c + 1]]; ++e)
      fits &= source[e] >= bound[c] && source[e] < bound[c + 1];
  check.require(fits, "an edge leaves its component");
}

}  // namespace ariigcn
