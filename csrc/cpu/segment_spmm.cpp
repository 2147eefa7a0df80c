// The segment operators on the CPU.
#include "kernels.h"

#include <torch/csrc/stable/library.h>

#include "../segment_spmm.h"
#include "kernel_type.h"

namespace {
using namespace ariigcn;
using torch::headeronly::ScalarType;
using torch::stable::Tensor;

struct Cpu {
  static void check(const Checks& check, const GraphPlan& g, bool transpose) {
    if (transpose) {
      check.bounds("t_indptr", g.t_indptr, g.num_src + 1, g.num_edges);
      check.within("t_eids", g.t_eids, g.num_edges, g.num_edges);
      check.within("edge_seg", g.edge_seg, g.num_edges, g.num_segments);
    } else {
      check.bounds("seg_ptr", g.seg_ptr, g.num_segments + 1, g.num_edges);
      check.within("indices", g.indices, g.num_edges, g.num_src);
    }
  }

  static void spmm(const SegmentRows& rows, const Tensor& weight, const Tensor& feat, Tensor& out) {
    in_kernel_type(feat, [&]<typename T>(T, ScalarType type) {
      const Tensor factor = as_type(weight, type), others = as_type(feat, type);
      Tensor sums = like_type(out, type);
      const SegmentSpmm<T> in{rows, factor.const_data_ptr<T>(), others.const_data_ptr<T>(),
                              sums.mutable_data_ptr<T>()};
      CALL_BEST_ISA(segment_spmm, in);
      if (type != out.scalar_type()) torch::stable::copy_(out, sums);
    });
  }

  static void sddmm(const GraphPlan& graph, const Tensor& left, const Tensor& right, Tensor& out) {
    in_kernel_type(right, [&]<typename T>(T, ScalarType type) {
      const Tensor own = as_type(left, type), others = as_type(right, type);
      Tensor dots = like_type(out, type);
      const SegmentSddmm<T> in{segment_rows(graph, right.size(0), right.size(2)),
                               own.const_data_ptr<T>(), others.const_data_ptr<T>(),
                               dots.mutable_data_ptr<T>()};
      CALL_BEST_ISA(segment_sddmm, in);
      if (type != out.scalar_type()) torch::stable::copy_(out, dots);
    });
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ariigcn, CPU, m) {
  m.impl("segment_spmm", TORCH_BOX(&segment_spmm<Cpu>));
  m.impl("segment_sddmm", TORCH_BOX(&segment_sddmm<Cpu>));
}
