// The demands of the segment operators, alike on every device.
#pragma once

#include "checks.h"

namespace ariigcn {

struct [[gnu::visibility("hidden")]] SegmentIndices {
  const Checks::Tensor &seg_ptr, &indices, &edge_seg, &t_indptr, &t_eids;
};

inline void check_segment_indices(const Checks& check, const SegmentIndices& in) {
  const auto type = in.indices.scalar_type();
  const int64_t edges = in.indices.numel();
  check.indices("seg_ptr", in.seg_ptr, in.seg_ptr.numel(), type);
  check.indices("indices", in.indices, edges, type);
  check.indices("edge_seg", in.edge_seg, edges, type);
  check.indices("t_indptr", in.t_indptr, in.t_indptr.numel(), type);
  check.indices("t_eids", in.t_eids, edges, type);
  check.require(in.seg_ptr.numel() > 0, "seg_ptr must have at least one entry");
}

inline Checks check_segment_spmm(const char* op, const Checks::Tensor& weight,
                                 const Checks::Tensor& feat, const SegmentIndices& in) {
  Checks::dim(op, "feat", feat, 3);
  const Checks check(op, feat);
  check.floating();
  check_segment_indices(check, in);
  check.values("feat", feat, {feat.size(0), feat.size(1), feat.size(2)});
  check.values("weight", weight, {feat.size(0), in.indices.numel()});
  return check;
}

inline Checks check_segment_sddmm(const char* op, const Checks::Tensor& left,
                                  const Checks::Tensor& right, const SegmentIndices& in) {
  Checks::dim(op, "right", right, 3);
  const Checks check(op, right);
  check.floating();
  check_segment_indices(check, in);
  check.values("right", right, {right.size(0), right.size(1), right.size(2)});
  check.values("left", left, {right.size(0), in.seg_ptr.numel() - 1, right.size(2)});
  return check;
}

}  // namespace ariigcn
