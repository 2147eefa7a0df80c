// CUDA implementations of segment_spmm and segment_sddmm.
#include "segment_spmm.h"

#include <torch/csrc/stable/accelerator.h>
#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>

#include "../dispatch.h"
#include "../segment_spmm_checks.h"
#include "binding.h"
#include "stream.h"

namespace {
using namespace ariigcn;
using torch::stable::Tensor;

SegmentShape shape_of(const Tensor& rows, const Tensor& seg_ptr, const Tensor& indices) {
  return {rows.size(0), seg_ptr.numel() - 1, indices.numel(), rows.size(1), rows.size(2)};
}

Tensor segment_spmm(const Tensor& weight, const Tensor& feat, const Tensor& seg_ptr,
                    const Tensor& indices, const Tensor& edge_seg, const Tensor& t_indptr,
                    const Tensor& t_eids) {
  check_segment_spmm("segment_spmm", weight, feat, {seg_ptr, indices, edge_seg, t_indptr, t_eids});
  const torch::stable::accelerator::DeviceGuard guard(feat.get_device_index());
  const SegmentShape n = shape_of(feat, seg_ptr, indices);
  Tensor out = torch::stable::new_empty(feat, {n.groups, n.segments, n.width});
  const auto stream = current_stream(feat.get_device_index());
  DISPATCH_FLOATING(
      feat, "segment_spmm", for_index_type(indices, [&](auto index) {
        using index_t = decltype(index);
        check_launch(launch_segment_spmm(n, seg_ptr.const_data_ptr<index_t>(),
                                         indices.const_data_ptr<index_t>(), input<scalar_t>(weight),
                                         input<scalar_t>(feat), output<scalar_t>(out), stream),
                     "segment_spmm");
      }));
  return out;
}

Tensor segment_sddmm(const Tensor& left, const Tensor& right, const Tensor& seg_ptr,
                     const Tensor& indices, const Tensor& edge_seg, const Tensor& t_indptr,
                     const Tensor& t_eids) {
  check_segment_sddmm("segment_sddmm", left, right, {seg_ptr, indices, edge_seg, t_indptr, t_eids});
  const torch::stable::accelerator::DeviceGuard guard(right.get_device_index());
  const SegmentShape n = shape_of(right, seg_ptr, indices);
  Tensor out = torch::stable::new_empty(right, {n.groups, n.edges});
  const auto stream = current_stream(right.get_device_index());
  DISPATCH_FLOATING(
      right, "segment_sddmm", for_index_type(indices, [&](auto index) {
        using index_t = decltype(index);
        check_launch(launch_segment_sddmm(n, indices.const_data_ptr<index_t>(),
                                          edge_seg.const_data_ptr<index_t>(), input<scalar_t>(left),
                                          input<scalar_t>(right), output<scalar_t>(out), stream),
                     "segment_sddmm");
      }));
  return out;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ariigcn, CUDA, m) {
  m.impl("segment_spmm", TORCH_BOX(&segment_spmm));
  m.impl("segment_sddmm", TORCH_BOX(&segment_sddmm));
}
