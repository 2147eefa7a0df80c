// Launchers of the weighted sums of neighbour rows and of the dot products that are their gradient.
#pragma once

#include <cuda_runtime_api.h>

#include "../../segment_rows.h"

namespace ariigcn {

// out[g, r] = sum over the edges e of row r of weight[g, e] * feat[g, other[e]].
template <typename scalar_t>
cudaError_t launch_segment_spmm(const SegmentRows& n, const scalar_t* weight, const scalar_t* feat,
                                scalar_t* out, cudaStream_t stream);

// out[g, e] = left[g, edge_seg[e]] . right[g, other[e]].
template <typename scalar_t>
cudaError_t launch_segment_sddmm(const SegmentRows& n, IndexArray edge_seg, const scalar_t* left,
                                 const scalar_t* right, scalar_t* out, cudaStream_t stream);

}  // namespace ariigcn
