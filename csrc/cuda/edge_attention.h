// Launchers of edge attention, alpha = softmax over in-edges of w . LeakyReLU(u_i + v_j).
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "../numeric.h"
#include "index_array.h"

namespace ariigcn {

struct AttentionShape {
  int64_t groups, num_dst, num_src, edges, width;
};

// In-edges of every target, the target of every edge, and the transpose.
template <typename index_t>
struct AttentionGraph {
  IndexArray<index_t> indptr, indices, dst, t_indptr, t_eids;
};

// Targets whose contributions to grad_w are summed in one partial row: fixed, so that the order of
// summation is the same on any device.
constexpr int64_t kTargetsPerPartial = 64;

inline int64_t partial_rows(const AttentionShape& n) {
  return (n.num_dst + kTargetsPerPartial - 1) / kTargetsPerPartial;
}

// `scores` is scratch of (groups, edges); it may be alpha itself where the types agree.
template <typename scalar_t, typename index_t>
cudaError_t launch_edge_attention(const AttentionShape& n, const AttentionGraph<index_t>& graph,
                                  const scalar_t* u, const scalar_t* v, const scalar_t* w,
                                  double negative_slope, acc_t<scalar_t>* scores, scalar_t* alpha,
                                  cudaStream_t stream);

// What the backward pass reads and writes; `grad_score` (groups, edges) and `partial` (groups,
// partial_rows, width) are scratch.
template <typename scalar_t>
struct AttentionBackward {
  const scalar_t *grad, *alpha, *u, *v, *w;
  acc_t<scalar_t> slope;
  acc_t<scalar_t>*grad_score, *partial;
  scalar_t *grad_u, *grad_v, *grad_w;
};

template <typename scalar_t, typename index_t>
cudaError_t launch_edge_attention_backward(const AttentionShape& n,
                                           const AttentionGraph<index_t>& graph,
                                           const AttentionBackward<scalar_t>& pass,
                                           cudaStream_t stream);

}  // namespace ariigcn
