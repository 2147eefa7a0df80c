// Binds the segment kernels: tensors to their arguments.
#include "kernels.h"

#include <torch/csrc/stable/library.h>

#include "../segment_spmm_checks.h"
#include "graph_checks.h"
#include "kernel_type.h"

namespace {
using namespace ariigcn;
using torch::headeronly::ScalarType;
using torch::stable::Tensor;

SegmentGraph structure(const Tensor& rows, const Tensor& seg_ptr, const Tensor& indices) {
  return {rows.size(0),
          seg_ptr.numel() - 1,
          indices.numel(),
          rows.size(1),
          rows.size(2),
          seg_ptr.const_data_ptr<int64_t>(),
          indices.const_data_ptr<int64_t>()};
}

void check_values(const Checks& check, const SegmentIndices& in, int64_t num_src) {
  check.int64("indices", in.indices, {in.indices.numel()});
  check_edges(check, in.seg_ptr, in.indices, num_src);
}

Tensor segment_spmm(const Tensor& weight, const Tensor& feat, const Tensor& seg_ptr,
                    const Tensor& indices, const Tensor& edge_seg, const Tensor& t_indptr,
                    const Tensor& t_eids) {
  const SegmentIndices given{seg_ptr, indices, edge_seg, t_indptr, t_eids};
  check_values(check_segment_spmm("segment_spmm", weight, feat, given), given, feat.size(1));
  return in_kernel_type(feat, [&]<typename T>(T, ScalarType type) {
    const SegmentGraph graph = structure(feat, seg_ptr, indices);
    const Tensor factor = as_type(weight, type), rows = as_type(feat, type);
    Tensor out = torch::stable::new_empty(rows, {graph.groups, graph.segments, graph.width});
    const SegmentSpmm<T> in{graph, factor.const_data_ptr<T>(), rows.const_data_ptr<T>(),
                            out.mutable_data_ptr<T>()};
    CALL_BEST_ISA(segment_spmm, in);
    return as_type(out, feat.scalar_type());
  });
}

Tensor segment_sddmm(const Tensor& left, const Tensor& right, const Tensor& seg_ptr,
                     const Tensor& indices, const Tensor& edge_seg, const Tensor& t_indptr,
                     const Tensor& t_eids) {
  const SegmentIndices given{seg_ptr, indices, edge_seg, t_indptr, t_eids};
  check_values(check_segment_sddmm("segment_sddmm", left, right, given), given, right.size(1));
  return in_kernel_type(right, [&]<typename T>(T, ScalarType type) {
    const SegmentGraph graph = structure(right, seg_ptr, indices);
    const Tensor own = as_type(left, type), rows = as_type(right, type);
    Tensor out = torch::stable::new_empty(rows, {graph.groups, graph.edges});
    const SegmentSddmm<T> in{graph, own.const_data_ptr<T>(), rows.const_data_ptr<T>(),
                             out.mutable_data_ptr<T>()};
    CALL_BEST_ISA(segment_sddmm, in);
    return as_type(out, right.scalar_type());
  });
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ariigcn, CPU, m) {
  m.impl("segment_spmm", TORCH_BOX(&segment_spmm));
  m.impl("segment_sddmm", TORCH_BOX(&segment_sddmm));
}
