// Weighted sums of neighbour rows, and the dot products that are their gradient.
#include "launchers.h"

#include "../instantiate.h"
#include "../launch.h"
#include "../warp.h"

namespace ariigcn {
namespace {

// A warp owns one (group, row) and walks its edges; a lane owns every 32nd column.
template <typename scalar_t>
__global__ void spmm_kernel(SegmentRows n, const scalar_t* weight, const scalar_t* feat,
                            scalar_t* out) {
  begin_after_previous();
  using acc = acc_t<scalar_t>;
  for (int64_t row = warp_in_grid(); row < n.groups * n.rows; row += warps_in_grid()) {
    const int64_t g = row / n.rows, r = row % n.rows;
    for (int64_t k = lane(); k < n.width; k += kWarpSize) {
      acc sum = 0;
      for (int64_t at = n.ptr[r]; at < n.ptr[r + 1]; ++at) {
        const int64_t e = n.edge ? n.edge[at] : at;
        sum += acc(weight[g * n.edges + e]) * acc(feat[(g * n.others + n.other[e]) * n.width + k]);
      }
      out[row * n.width + k] = scalar_t(sum);
    }
  }
}

// A warp owns one (group, edge); a lane adds up every 32nd column.
template <typename scalar_t>
__global__ void sddmm_kernel(SegmentRows n, IndexArray edge_seg, const scalar_t* left,
                             const scalar_t* right, scalar_t* out) {
  begin_after_previous();
  using acc = acc_t<scalar_t>;
  for (int64_t row = warp_in_grid(); row < n.groups * n.edges; row += warps_in_grid()) {
    const int64_t g = row / n.edges, e = row % n.edges;
    const scalar_t* a = left + (g * n.rows + edge_seg[e]) * n.width;
    const scalar_t* b = right + (g * n.others + n.other[e]) * n.width;
    acc sum = 0;
    for (int64_t k = lane(); k < n.width; k += kWarpSize) sum += acc(a[k]) * acc(b[k]);
    sum = warp_sum(sum);
    if (lane() == 0) out[row] = scalar_t(sum);
  }
}

}  // namespace

template <typename scalar_t>
cudaError_t launch_segment_spmm(const SegmentRows& n, const scalar_t* weight, const scalar_t* feat,
                                scalar_t* out, cudaStream_t stream) {
  return launch_warps(n.groups * n.rows, stream, spmm_kernel<scalar_t>, n, weight, feat, out);
}

template <typename scalar_t>
cudaError_t launch_segment_sddmm(const SegmentRows& n, IndexArray edge_seg, const scalar_t* left,
                                 const scalar_t* right, scalar_t* out, cudaStream_t stream) {
  return launch_warps(n.groups * n.edges, stream, sddmm_kernel<scalar_t>, n, edge_seg, left, right,
                      out);
}

#define INSTANTIATE(scalar_t)                                                                    \
  template cudaError_t launch_segment_spmm(const SegmentRows&, const scalar_t*, const scalar_t*, \
                                           scalar_t*, cudaStream_t);                             \
  template cudaError_t launch_segment_sddmm(const SegmentRows&, IndexArray, const scalar_t*,     \
                                            const scalar_t*, scalar_t*, cudaStream_t);
FOR_SCALARS(INSTANTIATE)

}  // namespace ariigcn
