// Launchers of the weighted segment sums and of the dot products that are their gradient.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace ariigcn {

struct SegmentShape {
  int64_t groups, segments, edges, nodes, width;
};

// out[g, p] = sum over edges e of segment p of weight[g, e] * feat[g, indices[e]].
template <typename scalar_t, typename index_t>
cudaError_t launch_segment_spmm(const SegmentShape& n, const index_t* seg_ptr,
                                const index_t* indices, const scalar_t* weight,
                                const scalar_t* feat, scalar_t* out, cudaStream_t stream);

// out[g, e] = left[g, edge_seg[e]] . right[g, indices[e]].
template <typename scalar_t, typename index_t>
cudaError_t launch_segment_sddmm(const SegmentShape& n, const index_t* indices,
                                 const index_t* edge_seg, const scalar_t* left,
                                 const scalar_t* right, scalar_t* out, cudaStream_t stream);

}  // namespace ariigcn
