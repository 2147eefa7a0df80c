// Weighted sums of neighbour rows per segment, and the dot products that are their gradient.
#include "segment_spmm.h"

#include "../numeric.h"
#include "index_array.h"
#include "instantiate.h"
#include "launch.h"
#include "warp.h"

namespace ariigcn {
namespace {

// A warp owns one (group, segment) and walks its edges; a lane owns every 32nd column.
template <typename scalar_t, typename index_t>
__global__ void spmm_kernel(SegmentShape n, IndexArray<index_t> seg_ptr,
                            IndexArray<index_t> indices, const scalar_t* weight,
                            const scalar_t* feat, scalar_t* out) {
  using acc = acc_t<scalar_t>;
  for (int64_t row = warp_in_grid(); row < n.groups * n.segments; row += warps_in_grid()) {
    const int64_t g = row / n.segments, p = row % n.segments;
    for (int64_t k = lane(); k < n.width; k += kWarpSize) {
      acc sum = 0;
      for (int64_t e = seg_ptr[p]; e < seg_ptr[p + 1]; ++e)
        sum += acc(weight[g * n.edges + e]) * acc(feat[(g * n.nodes + indices[e]) * n.width + k]);
      out[row * n.width + k] = scalar_t(sum);
    }
  }
}

// A warp owns one (group, edge); a lane adds up every 32nd column.
template <typename scalar_t, typename index_t>
__global__ void sddmm_kernel(SegmentShape n, IndexArray<index_t> indices,
                             IndexArray<index_t> edge_seg, const scalar_t* left,
                             const scalar_t* right, scalar_t* out) {
  using acc = acc_t<scalar_t>;
  for (int64_t row = warp_in_grid(); row < n.groups * n.edges; row += warps_in_grid()) {
    const int64_t g = row / n.edges, e = row % n.edges;
    const scalar_t* a = left + (g * n.segments + edge_seg[e]) * n.width;
    const scalar_t* b = right + (g * n.nodes + indices[e]) * n.width;
    acc sum = 0;
    for (int64_t k = lane(); k < n.width; k += kWarpSize) sum += acc(a[k]) * acc(b[k]);
    sum = warp_sum(sum);
    if (lane() == 0) out[row] = scalar_t(sum);
  }
}

}  // namespace

template <typename scalar_t, typename index_t>
cudaError_t launch_segment_spmm(const SegmentShape& n, const index_t* seg_ptr,
                                const index_t* indices, const scalar_t* weight,
                                const scalar_t* feat, scalar_t* out, cudaStream_t stream) {
  return launch_warps(n.groups * n.segments, stream, spmm_kernel<scalar_t, index_t>, n, seg_ptr,
                      indices, weight, feat, out);
}

template <typename scalar_t, typename index_t>
cudaError_t launch_segment_sddmm(const SegmentShape& n, const index_t* indices,
                                 const index_t* edge_seg, const scalar_t* left,
                                 const scalar_t* right, scalar_t* out, cudaStream_t stream) {
  return launch_warps(n.groups * n.edges, stream, sddmm_kernel<scalar_t, index_t>, n, indices,
                      edge_seg, left, right, out);
}

#define INSTANTIATE(scalar_t, index_t)                                                           \
  template cudaError_t launch_segment_spmm(const SegmentShape&, const index_t*, const index_t*,  \
                                           const scalar_t*, const scalar_t*, scalar_t*,          \
                                           cudaStream_t);                                        \
  template cudaError_t launch_segment_sddmm(const SegmentShape&, const index_t*, const index_t*, \
                                            const scalar_t*, const scalar_t*, scalar_t*,         \
                                            cudaStream_t);
FOR_KERNEL_TYPES(INSTANTIATE)

}  // namespace ariigcn
