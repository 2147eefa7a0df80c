// The edges of the relational attention, backward, for their targets: gradients of the scores, of u
// and of the score vector, and the sums over segments once more.
#include "../instantiate.h"
#include "../launch.h"
#include "edge_block.h"

namespace ariigcn {
namespace {

constexpr int kTargetBlocks = 4;  // as kEdgeBlocks, but 128 registers

template <typename scalar_t>
__device__ void set_factors(const RelationalForward<scalar_t>& op, const TargetBlock& block) {
  using acc = acc_t<scalar_t>;
  const int64_t first = block.group * op.graph.num_edges;
  for (int64_t e = block.edge + threadIdx.x; e < block.edge_end; e += kEdgeThreads)
    op.factor[first + e] =
        acc(op.alpha[first + e]) * edge_scale(op, block.group, e) * edge_weight(op, e);
  __syncthreads();
}

// grad_score[e] = the source's row . gradient of the sum of e's segment. In passing, every segment
// is summed again, for the gradient of its relation's weight.
template <typename scalar_t>
__device__ void factor_grads(const RelationalBackward<scalar_t>& op, const TargetBlock& block,
                             Window<scalar_t>& feat) {
  using acc = acc_t<scalar_t>;
  constexpr int kSize = kVector<scalar_t>;
  const RelationalForward<scalar_t>& forward = op.forward;
  const int64_t in = forward.in_feats, g = block.group;
  const auto dot = [&](int64_t e, int64_t k0, int vectors, const auto& row) {
    acc sum = 0;
    const int64_t p = g * forward.graph.num_segments + forward.graph.edge_seg[e];
    const scalar_t* own = op.grad_sums + p * in + k0;
    for (int v = 0; v < vectors; ++v) {
      const Vector<scalar_t> y = row(v),
                             x = load_vector(own + v * kSize, in - k0 - v * kSize, in % kSize == 0);
#pragma unroll
      for (int i = 0; i < kSize; ++i) sum += acc(x[i]) * acc(y[i]);
    }
    return sum;
  };
  reduce_edges(
      block, forward.graph.indices, feat, [](int64_t) {},
      [&](int64_t k0) { sum_segments(forward, block, feat, k0); }, dot,
      op.grad_score + g * forward.graph.num_edges);
}

// A warp owns every 4th target: the gradients of its edges' factors become those of their scores.
template <typename scalar_t>
__device__ void softmax_grads(const RelationalBackward<scalar_t>& op, const TargetBlock& block) {
  using acc = acc_t<scalar_t>;
  const RelationalForward<scalar_t>& forward = op.forward;
  const int64_t start = block.group * forward.graph.num_edges;
  acc* ds = op.grad_score + start;
  for (int64_t i = block.first + warp_in_block(); i < block.last; i += kEdgeWarps) {
    const int64_t first = forward.graph.indptr[i] + lane(), last = forward.graph.indptr[i + 1];
    acc inner = 0;
    for (int64_t e = first; e < last; e += kWarpSize) {
      const acc alpha = acc(forward.alpha[start + e]);
      const acc by_weighted = ds[e] * edge_scale(forward, block.group, e);
      if (forward.edge_weight != nullptr) op.by_edge_weight[start + e] = alpha * by_weighted;
      ds[e] = by_weighted * edge_weight(forward, e);
      if (op.grad_alpha != nullptr) ds[e] += acc(op.grad_alpha[start + e]);
      inner += alpha * ds[e];
    }
    inner = warp_sum(inner);
    for (int64_t e = first; e < last; e += kWarpSize)
      ds[e] = acc(forward.alpha[start + e]) * (ds[e] - inner);
  }
  __syncthreads();  // other warps read ds
}

// The columns k .. of target i: its gradient, and what it adds to that of the score vector.
template <typename scalar_t, typename Act>
__device__ void target_grad(const RelationalBackward<scalar_t>& op, const Act& act, int64_t g,
                            int64_t i, const Window<scalar_t>& v, int64_t k0,
                            const acc_t<scalar_t>* score,
                            acc_t<scalar_t> (&by_score)[kVector<scalar_t>]) {
  using acc = acc_t<scalar_t>;
  constexpr int kSize = kVector<scalar_t>;
  const RelationalForward<scalar_t>& forward = op.forward;
  const GraphPlan& graph = forward.graph;
  const int64_t k = k0 + lane() * kSize, row = (g * graph.num_dst + i) * forward.attn_pitch + k;
  const int64_t first = graph.indptr[i], last = graph.indptr[i + 1];
  const Vector<scalar_t> u = load_vector(forward.u + row, kSize, true);
  const acc* ds = op.grad_score + g * graph.num_edges;
  acc own[kSize] = {};
  for (int64_t e = first; e < last;) {
    const int64_t p = graph.edge_seg[e], end = graph.seg_ptr[p + 1];
    const Vector<scalar_t> b = load_bias(forward, g, graph.seg_rel[p], k);
    acc of_segment[kSize] = {};
    for (; e < end; ++e) {
      const Vector<scalar_t> y = v.at(graph.indices[e], k0, lane());
#pragma unroll
      for (int x = 0; x < kSize; ++x) {
        const acc t = acc(u[x]) + acc(y[x]) + acc(b[x]);
        of_segment[x] += ds[e] * act.grad(t);
        by_score[x] += ds[e] * act.value(t);
      }
    }
#pragma unroll
    for (int x = 0; x < kSize; ++x) {
      of_segment[x] *= score[lane() * kSize + x];
      own[x] += of_segment[x];
      if (forward.bias != nullptr)
        op.grad_biased[(g * graph.num_segments + p) * forward.attn_pitch + k + x] = of_segment[x];
    }
  }
#pragma unroll
  for (int x = 0; x < kSize; ++x) op.grad_u[row + x] = scalar_t(own[x]);
}

// A warp owns every 4th target of the block, a lane a vector of columns.
template <typename scalar_t, typename Act>
__device__ void target_grads(const RelationalBackward<scalar_t>& op, const Act& act,
                             const TargetBlock& block, Window<scalar_t>& v, acc_t<scalar_t>* score,
                             acc_t<scalar_t> (*by_score)[kChunk<scalar_t>]) {
  using acc = acc_t<scalar_t>;
  constexpr int kSize = kVector<scalar_t>;
  const RelationalForward<scalar_t>& forward = op.forward;
  const int64_t g = block.group, attn = forward.attn_feats, pitch = forward.attn_pitch;
  for (int64_t k0 = 0; k0 < pitch; k0 += kChunk<scalar_t>) {
    v.load(k0, [&] { load_score<scalar_t>(forward.score + g * attn, attn, k0, score); });
    acc sum[kSize] = {};
    if (k0 + lane() * kSize < pitch)
      for (int64_t i = block.first + warp_in_block(); i < block.last; i += kEdgeWarps)
        target_grad(op, act, g, i, v, k0, score, sum);
#pragma unroll
    for (int x = 0; x < kSize; ++x) by_score[warp_in_block()][lane() * kSize + x] = sum[x];
    __syncthreads();
    acc* to = op.score_rows + (g * edge_blocks(forward.graph.num_dst) + block.index) * pitch + k0;
    for (int k = int(threadIdx.x); k < kChunk<scalar_t> && k0 + k < pitch; k += kEdgeThreads) {
      acc total = 0;
      for (int w = 0; w < kEdgeWarps; ++w) total += by_score[w][k];
      to[k] = total;
    }
  }
}

// A block owns kEdgeRows targets of a group.
template <typename scalar_t, typename Act>
__global__ void __launch_bounds__(kEdgeThreads, kTargetBlocks)
    target_grads_kernel(const __grid_constant__ RelationalBackward<scalar_t> op, Act act,
                        bool feat_aligned, int64_t tasks) {
  __shared__ WindowMemory<scalar_t> memory;
  __shared__ acc_t<scalar_t> score[kChunk<scalar_t>], by_score[kEdgeWarps][kChunk<scalar_t>];
  const RelationalForward<scalar_t>& forward = op.forward;
  const GraphPlan& graph = forward.graph;
  for (int64_t task = blockIdx.x; task < tasks; task += gridDim.x) {
    const TargetBlock block(graph, task);
    const Range sources =
        block_range(block.edge, block.edge_end, [&](int64_t e) { return graph.indices[e]; });
    const int64_t in = forward.in_feats, pitch = forward.attn_pitch;
    Window<scalar_t> feat{
        memory,       forward.src_feat + block.group / forward.heads * graph.num_src * in,
        in,           in,
        feat_aligned, sources};
    Window<scalar_t> v{memory, forward.v + block.group * graph.num_src * pitch, pitch, pitch, true,
                       sources};
    set_factors(forward, block);
    factor_grads(op, block, feat);
    softmax_grads(op, block);
    target_grads(op, act, block, v, score, by_score);
  }
}

}  // namespace

template <typename scalar_t>
cudaError_t launch_target_grads(const RelationalBackward<scalar_t>& op, cudaStream_t stream) {
  const RelationalForward<scalar_t>& forward = op.forward;
  return with_activation(forward, [&](auto act) {
    const int64_t tasks = forward.groups * edge_blocks(forward.graph.num_dst);
    return launch(tasks, kEdgeThreads, stream, target_grads_kernel<scalar_t, decltype(act)>, op,
                  act, is_aligned(forward.src_feat, forward.in_feats), tasks);
  });
}

#define INSTANTIATE(scalar_t) \
  template cudaError_t launch_target_grads(const RelationalBackward<scalar_t>&, cudaStream_t);
FOR_SCALARS(INSTANTIATE)

}  // namespace ariigcn
