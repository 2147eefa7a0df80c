// The segment operators on CUDA.
#include <torch/csrc/stable/accelerator.h>
#include <torch/csrc/stable/library.h>

#include "../../dispatch.h"
#include "../../segment_spmm.h"
#include "../binding.h"
#include "../stream.h"
#include "launchers.h"

namespace {
using namespace ariigcn;
using torch::stable::Tensor;

struct Cuda {
  static void check(const Checks&, const GraphPlan&, bool) {}

  static void spmm(const SegmentRows& rows, const Tensor& weight, const Tensor& feat, Tensor& out) {
    const torch::stable::accelerator::DeviceGuard guard(feat.get_device_index());
    const auto stream = current_stream(feat.get_device_index());
    DISPATCH_FLOATING(
        feat, "segment_spmm",
        check_launch(launch_segment_spmm(rows, input<scalar_t>(weight), input<scalar_t>(feat),
                                         output<scalar_t>(out), stream),
                     "segment_spmm"));
  }

  static void sddmm(const GraphPlan& graph, const Tensor& left, const Tensor& right, Tensor& out) {
    const torch::stable::accelerator::DeviceGuard guard(right.get_device_index());
    const auto stream = current_stream(right.get_device_index());
    const SegmentRows rows = segment_rows(graph, right.size(0), right.size(2));
    DISPATCH_FLOATING(
        right, "segment_sddmm",
        check_launch(launch_segment_sddmm(rows, graph.edge_seg, input<scalar_t>(left),
                                          input<scalar_t>(right), output<scalar_t>(out), stream),
                     "segment_sddmm"));
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ariigcn, CUDA, m) {
  m.impl("segment_spmm", TORCH_BOX(&segment_spmm<Cuda>));
  m.impl("segment_sddmm", TORCH_BOX(&segment_sddmm<Cuda>));
}
