// The edges of the relational attention, forward: scores, softmax, and the weighted sums of
// sources.
#include "../instantiate.h"
#include "edge_scores.h"
#include "softmax.h"

namespace ariigcn {
namespace {

// A warp owns every 4th row of the softmax: its edges' scores become attention, and what their
// sources are multiplied by.
template <bool kFits, typename scalar_t>
__device__ void attend(const RelationalForward<scalar_t>& op, const TargetBlock& block,
                       const BlockEdges<acc_t<scalar_t>>& edges) {
  const SoftmaxRows rows(op, block);
  for (int i = rows.first + warp_in_block(); i < rows.last; i += kEdgeWarps)
    attend_row(op, block.group, int(rows.ptr[i]), int(rows.ptr[i + 1]), WarpThreads{},
               [&](int e) -> acc_t<scalar_t>& { return edges.template number<kFits>(e); });
  __syncthreads();  // other warps read the factors
}

// A block owns some targets of a group.
template <typename scalar_t, typename Act, bool kBiased>
__global__ void __launch_bounds__(kEdgeThreads, kEdgeBlocks<kBiased>)
    attention_edges_kernel(const __grid_constant__ RelationalForward<scalar_t> op, Act act,
                           bool feat_aligned, EdgeTasks tasks) {
  begin_after_previous();
  using acc = acc_t<scalar_t>;
  __shared__ Vector<scalar_t> memory[kWindowVectors], score[kWarpSize];
  __shared__ EdgeNumber<acc> staged[kStagedEdges<acc>];
  const GraphPlan& graph = op.graph;
  for (int64_t task = blockIdx.x; task < tasks.count; task += gridDim.x) {
    const TargetBlock block(graph, tasks, task);
    if (tasks.leave(block)) continue;
    const Range sources =
        block_range(block.edge, block.edge_end, [&](int e) { return graph.indices[e]; });
    const auto source = [&](int e) { return int(graph.indices[e]) - sources.first; };
    const BlockEdges<acc> edges(staged, block.edge, block.edge_end,
                                op.factor + block.group * graph.num_edges);

    const int attn = int(op.attn_feats), pitch = int(op.attn_pitch), in = int(op.in_feats);
    Window<scalar_t> v(memory, op.v + block.group * graph.num_src * pitch, pitch, true, sources,
                       kInPairs<scalar_t, Act> ? 4 : 1);
    const EdgeScores<kBiased, scalar_t, Act> scores(op, act, block, v, sources, score);
    for (int k0 = 0; k0 < pitch; k0 += v.chunk()) {
      v.load(k0, [&] { load_score(op.score + block.group * attn, attn, k0, score); });
      scores.add(k0, edges);
    }
    Window<scalar_t> feat(memory, op.src_feat + modality(op, block.group) * graph.num_src * in, in,
                          feat_aligned, sources);
    edges.find_rows(feat, source);
    with_flag(edges.fits(), [&](auto fits) { attend<decltype(fits)::value>(op, block, edges); });
    for (int k0 = 0; k0 < in; k0 += feat.chunk()) {
      feat.load(k0, [] {});
      with_flag(feat.fits() && edges.fits(), [&](auto fits) {
        sum_segments<decltype(fits)::value>(op, block, edges, feat, source, k0);
      });
    }
  }
}

}  // namespace

template <typename scalar_t>
cudaError_t launch_attention_edges(const RelationalForward<scalar_t>& op, cudaStream_t stream) {
  return with_kernel(op, [&](auto act, auto biased) {
    return launch_edges(
        EdgeTasks(op.groups, op.graph.num_dst, op.target_rows(), op.most_target_edges()), stream,
        attention_edges_kernel<scalar_t, decltype(act), decltype(biased)::value>, op, act,
        is_aligned(op.src_feat, op.in_feats));
  });
}

#define INSTANTIATE(scalar_t) \
  template cudaError_t launch_attention_edges(const RelationalForward<scalar_t>&, cudaStream_t);
FOR_SCALARS(INSTANTIATE)

}  // namespace ariigcn
