// Weighted sums of neighbour rows per segment, and the dot products that are their gradient.
#include "../dispatch.h"
#include "../numeric.h"

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>

#include <algorithm>
#include <vector>

namespace {
using ariigcn::acc_t;
using torch::stable::Tensor;

struct Shape {
  int64_t groups, segments, edges, nodes, width;
};

template <typename scalar_t>
void spmm(const Shape& n, const int64_t* seg_ptr, const int64_t* indices, const scalar_t* weight,
          const scalar_t* feat, scalar_t* out) {
  using acc = acc_t<scalar_t>;
  torch::stable::parallel_for(0, n.groups * n.segments, 16, [&](int64_t begin, int64_t end) {
    std::vector<acc> sum(n.width);
    for (int64_t row = begin; row < end; ++row) {
      const int64_t g = row / n.segments, p = row % n.segments;
      std::fill(sum.begin(), sum.end(), acc(0));
      for (int64_t e = seg_ptr[p]; e < seg_ptr[p + 1]; ++e) {
        const acc scale = acc(weight[g * n.edges + e]);
        const auto* source = feat + (g * n.nodes + indices[e]) * n.width;
#pragma omp simd
        for (int64_t k = 0; k < n.width; ++k) sum[k] += scale * acc(source[k]);
      }
      std::copy(sum.begin(), sum.end(), out + row * n.width);
    }
  });
}

template <typename scalar_t>
void sddmm(const Shape& n, const int64_t* seg_ptr, const int64_t* indices, const scalar_t* left,
           const scalar_t* right, scalar_t* out) {
  using acc = acc_t<scalar_t>;
  torch::stable::parallel_for(0, n.groups * n.segments, 16, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t g = row / n.segments, p = row % n.segments;
      for (int64_t e = seg_ptr[p]; e < seg_ptr[p + 1]; ++e) {
        const auto* source = right + (g * n.nodes + indices[e]) * n.width;
        acc sum = 0;
#pragma omp simd reduction(+ : sum)
        for (int64_t k = 0; k < n.width; ++k) sum += acc(left[row * n.width + k]) * acc(source[k]);
        out[g * n.edges + e] = scalar_t(sum);
      }
    }
  });
}

Tensor segment_spmm(const Tensor& weight, const Tensor& feat, const Tensor& seg_ptr,
                    const Tensor& indices, const Tensor&, const Tensor&, const Tensor&) {
  const Shape n{feat.size(0), seg_ptr.numel() - 1, indices.numel(), feat.size(1), feat.size(2)};
  Tensor out = torch::stable::new_empty(feat, {n.groups, n.segments, n.width});
  DISPATCH_FLOATING(feat, "segment_spmm",
                    spmm(n, seg_ptr.const_data_ptr<int64_t>(), indices.const_data_ptr<int64_t>(),
                         weight.const_data_ptr<scalar_t>(), feat.const_data_ptr<scalar_t>(),
                         out.mutable_data_ptr<scalar_t>()));
  return out;
}

Tensor segment_sddmm(const Tensor& left, const Tensor& right, const Tensor& seg_ptr,
                     const Tensor& indices, const Tensor&, const Tensor&, const Tensor&) {
  const Shape n{right.size(0), seg_ptr.numel() - 1, indices.numel(), right.size(1), right.size(2)};
  Tensor out = torch::stable::new_empty(right, {n.groups, n.edges});
  DISPATCH_FLOATING(right, "segment_sddmm",
                    sddmm(n, seg_ptr.const_data_ptr<int64_t>(), indices.const_data_ptr<int64_t>(),
                          left.const_data_ptr<scalar_t>(), right.const_data_ptr<scalar_t>(),
                          out.mutable_data_ptr<scalar_t>()));
  return out;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ariigcn, CPU, m) {
  m.impl("segment_spmm", TORCH_BOX(&segment_spmm));
  m.impl("segment_sddmm", TORCH_BOX(&segment_sddmm));
}
