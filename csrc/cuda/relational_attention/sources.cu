// The edges of the relational attention, backward, for their sources: gradients of v, and of the
// features as they were summed.
#include "../instantiate.h"
#include "../launch.h"
#include "edge_block.h"

namespace ariigcn {
namespace {

// The edges that leave a block's sources: positions in the transpose.
struct SourceBlock {
  int64_t group, first, last, edge, edge_end;

  __device__ SourceBlock(const GraphPlan& graph, int64_t task) {
    const int64_t blocks = (graph.num_src + kEdgeRows - 1) / kEdgeRows;
    group = task / blocks;
    first = task % blocks * kEdgeRows;
    last = first + kEdgeRows < graph.num_src ? first + kEdgeRows : graph.num_src;
    edge = graph.t_indptr[first];
    edge_end = graph.t_indptr[last];
  }
};

// grad_v of source j, columns k ..
template <typename scalar_t, typename Act>
__device__ void source_grad(const RelationalBackward<scalar_t>& op, const Act& act, int64_t g,
                            int64_t j, const Window<scalar_t>& u, int64_t k0) {
  using acc = acc_t<scalar_t>;
  constexpr int kSize = kVector<scalar_t>;
  const RelationalForward<scalar_t>& forward = op.forward;
  const GraphPlan& graph = forward.graph;
  const int64_t k = k0 + lane() * kSize, row = (g * graph.num_src + j) * forward.attn_pitch + k;
  const Vector<scalar_t> v = load_vector(forward.v + row, kSize, true);
  const acc* ds = op.grad_score + g * graph.num_edges;
  acc own[kSize] = {};
  for (int64_t t = graph.t_indptr[j]; t < graph.t_indptr[j + 1]; ++t) {
    const int64_t e = graph.t_eids[t], p = graph.edge_seg[e];
    const Vector<scalar_t> x = u.at(graph.seg_dst[p], k0, lane());
    const Vector<scalar_t> b = load_bias(forward, g, graph.seg_rel[p], k);
#pragma unroll
    for (int i = 0; i < kSize; ++i)
      own[i] += ds[e] * act.grad(acc(x[i]) + acc(v[i]) + acc(b[i]));
  }
#pragma unroll
  for (int i = 0; i < kSize; ++i) {
    const bool inside = k + i < forward.attn_feats;
    const acc w = inside ? acc(forward.score[g * forward.attn_feats + k + i]) : acc(0);
    op.grad_v[row + i] = scalar_t(own[i] * w);
  }
}

// The gradient of source j's features, columns k .., as far as they were summed.
template <typename scalar_t>
__device__ void summed_grad(const RelationalBackward<scalar_t>& op, int64_t g, int64_t j,
                            int64_t k) {
  using acc = acc_t<scalar_t>;
  constexpr int kSize = kVector<scalar_t>;
  const RelationalForward<scalar_t>& forward = op.forward;
  const GraphPlan& graph = forward.graph;
  const int64_t in = forward.in_feats;
  acc own[kSize] = {};
#pragma unroll 2
  for (int64_t t = graph.t_indptr[j]; t < graph.t_indptr[j + 1]; ++t) {
    const int64_t e = graph.t_eids[t], p = g * graph.num_segments + graph.edge_seg[e];
    const acc factor = forward.factor[g * graph.num_edges + e];
    const Vector<scalar_t> x = load_vector(op.grad_sums + p * in + k, in - k, in % kSize == 0);
#pragma unroll
    for (int i = 0; i < kSize; ++i) own[i] += factor * acc(x[i]);
  }
#pragma unroll
  for (int i = 0; i < kSize; ++i)
    if (k + i < in) op.grad_rows[(g * graph.num_src + j) * in + k + i] = own[i];
}

// A block owns kEdgeRows sources of a group, a warp every 4th, a lane a vector of columns.
template <typename scalar_t, typename Act>
__global__ void __launch_bounds__(kEdgeThreads, kEdgeBlocks)
    source_grads_kernel(const __grid_constant__ RelationalBackward<scalar_t> op, Act act,
                        int64_t tasks) {
  __shared__ WindowMemory<scalar_t> memory;
  const RelationalForward<scalar_t>& forward = op.forward;
  const GraphPlan& graph = forward.graph;
  const int64_t own = lane() * kVector<scalar_t>, pitch = forward.attn_pitch;
  for (int64_t task = blockIdx.x; task < tasks; task += gridDim.x) {
    const SourceBlock block(graph, task);
    const Range targets = block_range(block.edge, block.edge_end, [&](int64_t t) {
      return graph.seg_dst[graph.edge_seg[graph.t_eids[t]]];
    });
    Window<scalar_t> u{memory, forward.u + block.group * graph.num_dst * pitch, pitch, pitch, true,
                       targets};
    for (int64_t k0 = 0; k0 < pitch; k0 += kChunk<scalar_t>) {
      u.load(k0, [] {});
      for (int64_t j = block.first + warp_in_block(); j < block.last; j += kEdgeWarps)
        if (k0 + own < pitch) source_grad(op, act, block.group, j, u, k0);
    }
    for (int64_t j = block.first + warp_in_block(); j < block.last; j += kEdgeWarps)
      for (int64_t k = own; k < forward.in_feats; k += kChunk<scalar_t>)
        summed_grad(op, block.group, j, k);
  }
}

}  // namespace

template <typename scalar_t>
cudaError_t launch_source_grads(const RelationalBackward<scalar_t>& op, cudaStream_t stream) {
  const RelationalForward<scalar_t>& forward = op.forward;
  return with_activation(forward, [&](auto act) {
    const int64_t tasks = forward.groups * edge_blocks(forward.graph.num_src);
    return launch(tasks, kEdgeThreads, stream, source_grads_kernel<scalar_t, decltype(act)>, op,
                  act, tasks);
  });
}

#define INSTANTIATE(scalar_t) \
  template cudaError_t launch_source_grads(const RelationalBackward<scalar_t>&, cudaStream_t);
FOR_SCALARS(INSTANTIATE)

}  // namespace ariigcn
