// The products of segments, where they were multiplied one by one, summed for every target in the
// order of its relations.
#include "../gelu.h"
#include "../instantiate.h"
#include "../launch.h"
#include "../vector.h"
#include "../warp.h"
#include "launchers.h"

namespace ariigcn {
namespace {

// A target's products, which lie beside each other.
struct Products {
  int64_t first, last;
};
template <typename scalar_t>
__device__ Products products_of(const RelationalForward<scalar_t>& op, int group, int target) {
  const GraphPlan& graph = op.graph;
  const int64_t edge = graph.indptr[target], end = graph.indptr[target + 1];
  if (edge == end) return {0, 0};
  const int64_t before = group * graph.num_segments;
  return {before + graph.edge_seg[edge], before + graph.edge_seg[end - 1] + 1};
}

// A warp owns a target of a group, a lane every 32nd vector of columns. Rows are few where segments
// are multiplied, and their number has 32 bits.
template <typename scalar_t>
__global__ void __launch_bounds__(128)
    target_sums_kernel(const __grid_constant__ RelationalForward<scalar_t> op, bool aligned) {
  begin_after_previous();
  using acc = acc_t<scalar_t>;
  constexpr int kSize = kVector<scalar_t>;
  const unsigned targets = unsigned(op.graph.num_dst), rows = unsigned(op.groups) * targets;
  const int width = int(op.out_feats);
  for (unsigned row = unsigned(warp_in_grid()); row < rows; row += unsigned(warps_in_grid())) {
    const unsigned group = row / targets;
    const Products products = products_of(op, int(group), int(row - group * targets));
    for (int k = lane() * kSize; k < width; k += kWarpSize * kSize) {
      acc sum[kSize] = {};
#pragma unroll 4
      for (int64_t p = products.first; p < products.last; ++p) {
        const Vector<scalar_t> x = load_vector(op.products + p * width + k, width - k, aligned);
#pragma unroll
        for (int i = 0; i < kSize; ++i) sum[i] += acc(x[i]);
      }
      Vector<scalar_t> out{}, grad{};
#pragma unroll
      for (int i = 0; i < kSize; ++i) {
        const auto gelu = gelu_of(sum[i]);
        out.set(i, scalar_t(op.gelu ? gelu.value : sum[i]));
        grad.set(i, scalar_t(gelu.grad));
      }
      const int64_t to = int64_t(row) * width + k;
      store_vector(op.out + to, out, width - k, aligned);
      if (op.gelu_grad != nullptr) store_vector(op.gelu_grad + to, grad, width - k, aligned);
    }
  }
}

}  // namespace

template <typename scalar_t>
cudaError_t launch_target_sums(const RelationalForward<scalar_t>& op, cudaStream_t stream) {
  if (!op.multiplies_segments()) return cudaSuccess;
  const int64_t width = op.out_feats, rows = op.groups * op.graph.num_dst;
  if (rows > INT32_MAX - kMaxBlocks) return cudaErrorInvalidConfiguration;  // a stride beyond all
  const bool aligned = is_aligned(op.products, width) && is_aligned(op.out, width) &&
                       (op.gelu_grad == nullptr || is_aligned(op.gelu_grad, width));
  return launch_warps(rows, stream, target_sums_kernel<scalar_t>, op, aligned);
}

#define INSTANTIATE(scalar_t) \
  template cudaError_t launch_target_sums(const RelationalForward<scalar_t>&, cudaStream_t);
FOR_SCALARS(INSTANTIATE)

}  // namespace ariigcn
