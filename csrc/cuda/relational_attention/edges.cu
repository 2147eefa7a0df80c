// The edges of the relational attention, forward: scores, softmax, and the weighted sums of
// sources.
#include "../instantiate.h"
#include "../launch.h"
#include "edge_block.h"

namespace ariigcn {
namespace {

// factor[e] = score of every edge of the block.
template <typename scalar_t, typename Act>
__device__ void score_edges(const RelationalForward<scalar_t>& op, const Act& act,
                            const TargetBlock& block, Window<scalar_t>& window,
                            acc_t<scalar_t>* score) {
  using acc = acc_t<scalar_t>;
  constexpr int kSize = kVector<scalar_t>;
  const int64_t g = block.group, attn = op.attn_feats;
  const scalar_t* u = op.u + g * op.graph.num_dst * op.attn_pitch;
  const auto score_row = [&](int64_t e, int64_t k0, int vectors, const auto& row) {
    typename Act::Sum sum;
    const int64_t p = op.graph.edge_seg[e];
    const scalar_t* own = u + op.graph.seg_dst[p] * op.attn_pitch + k0;
    const int64_t relation = op.graph.seg_rel[p];
    for (int v = 0; v < vectors; ++v) {
      const Vector<scalar_t> x = load_vector(own + v * kSize, kSize, true), y = row(v),
                             b = load_bias(op, g, relation, k0 + v * kSize);
#pragma unroll
      for (int i = 0; i < kSize; ++i)
        act.add(sum, score[v * kSize + i], acc(x[i]) + acc(y[i]) + acc(b[i]));
    }
    return act.total(sum);
  };
  reduce_edges(
      block, op.graph.indices, window,
      [&](int64_t k0) { load_score<scalar_t>(op.score + g * attn, attn, k0, score); },
      [](int64_t) {}, score_row, op.factor + g * op.graph.num_edges);
}

// A warp owns every 4th target: its scores become attention and factors.
template <typename scalar_t>
__device__ void attend(const RelationalForward<scalar_t>& op, const TargetBlock& block) {
  using acc = acc_t<scalar_t>;
  acc* score = op.factor + block.group * op.graph.num_edges;
  scalar_t* alpha = op.alpha + block.group * op.graph.num_edges;
  for (int64_t i = block.first + warp_in_block(); i < block.last; i += kEdgeWarps) {
    const int64_t first = op.graph.indptr[i] + lane(), last = op.graph.indptr[i + 1];
    acc largest = -kInfinity<acc>, total = 0;
    for (int64_t e = first; e < last; e += kWarpSize)
      if (score[e] > largest) largest = score[e];
    largest = warp_max(largest);
    for (int64_t e = first; e < last; e += kWarpSize)
      total += score[e] = std::exp(score[e] - largest);
    total = warp_sum(total);
    for (int64_t e = first; e < last; e += kWarpSize) {
      const acc share = score[e] / total;
      alpha[e] = scalar_t(share);
      score[e] = share * edge_scale(op, block.group, e) * edge_weight(op, e);
    }
  }
  __syncthreads();  // other warps read the factors
}

// A block owns kEdgeRows targets of a group.
template <typename scalar_t, typename Act>
__global__ void __launch_bounds__(kEdgeThreads, kEdgeBlocks)
    attention_edges_kernel(const __grid_constant__ RelationalForward<scalar_t> op, Act act,
                           bool feat_aligned, int64_t tasks) {
  __shared__ WindowMemory<scalar_t> memory;
  __shared__ acc_t<scalar_t> score[kChunk<scalar_t>];
  const GraphPlan& graph = op.graph;
  for (int64_t task = blockIdx.x; task < tasks; task += gridDim.x) {
    const TargetBlock block(graph, task);
    const Range sources =
        block_range(block.edge, block.edge_end, [&](int64_t e) { return graph.indices[e]; });
    Window<scalar_t> v{memory,        op.v + block.group * graph.num_src * op.attn_pitch,
                       op.attn_pitch, op.attn_pitch,
                       true,          sources};
    score_edges(op, act, block, v, score);
    attend(op, block);
    Window<scalar_t> feat{
        memory,       op.src_feat + block.group / op.heads * graph.num_src * op.in_feats,
        op.in_feats,  op.in_feats,
        feat_aligned, sources};
    for (int64_t k0 = 0; k0 < op.in_feats; k0 += kChunk<scalar_t>) {
      feat.load(k0, [] {});
      sum_segments(op, block, feat, k0);
    }
  }
}

}  // namespace

template <typename scalar_t>
cudaError_t launch_attention_edges(const RelationalForward<scalar_t>& op, cudaStream_t stream) {
  return with_activation(op, [&](auto act) {
    const int64_t tasks = op.groups * edge_blocks(op.graph.num_dst);
    return launch(tasks, kEdgeThreads, stream, attention_edges_kernel<scalar_t, decltype(act)>, op,
                  act, is_aligned(op.src_feat, op.in_feats), tasks);
  });
}

#define INSTANTIATE(scalar_t) \
  template cudaError_t launch_attention_edges(const RelationalForward<scalar_t>&, cudaStream_t);
FOR_SCALARS(INSTANTIATE)

}  // namespace ariigcn
