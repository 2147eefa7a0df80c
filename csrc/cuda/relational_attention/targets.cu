// The edges of the relational attention, backward, for their targets: gradients of the scores, of u
// and of the score vector, and the sums over segments once more.
#include "../instantiate.h"
#include "softmax.h"

namespace ariigcn {
namespace {

constexpr int kTargetBlocks = 4;  // of a multiprocessor: leaves a thread 128 registers

template <typename scalar_t>
__device__ void set_factors(const RelationalForward<scalar_t>& op, const TargetBlock& block,
                            const BlockEdges<acc_t<scalar_t>>& edges) {
  using acc = acc_t<scalar_t>;
  const int64_t start = block.group * op.graph.num_edges;
  for (int e = block.edge + int(threadIdx.x); e < block.edge_end; e += kEdgeThreads) {
    const acc factor =
        acc(op.alpha[start + e]) * edge_scale(op, block.group, e) * edge_weight(op, e);
    op.factor[start + e] = factor;  // for source_grads, too
    edges.set(e, factor);
  }
  __syncthreads();
}

// grad_score[e], from a chunk of columns: the source's row . gradient of the sum of e's segment. A
// thread owns every 128th edge.
template <bool kFits, bool kAligned, typename scalar_t, typename Source>
__device__ void factor_grads(const RelationalBackward<scalar_t>& op, const TargetBlock& block,
                             const Window<scalar_t>& feat, const Source& source, int k0) {
  using acc = acc_t<scalar_t>;
  constexpr int kSize = kVector<scalar_t>;
  const RelationalForward<scalar_t>& forward = op.forward;
  const int in = int(forward.in_feats), vectors = feat.vectors(k0);
  const scalar_t* sums = op.grad_sums + block.group * forward.graph.num_segments * in + k0;
  acc* to = op.grad_score + block.group * forward.graph.num_edges;
  for (int e = block.edge + int(threadIdx.x); e < block.edge_end; e += kEdgeThreads) {
    const scalar_t* own = sums + forward.graph.edge_seg[e] * in;
    const int row = source(e), where = kFits ? feat.offset(row) : row;
    acc sum = 0;
#pragma unroll kFits&& kAligned ? 2 : 1
    for (int v = 0; v < vectors; ++v, own += kSize) {
      const Vector<scalar_t> x = kAligned ? load_whole(own, true)
                                          : load_vector(own, in - k0 - v * kSize, false),
                             y = feat.template at<kFits>(where, k0, v);
#pragma unroll
      for (int i = 0; i < kSize; ++i) sum += x.wide(i) * y.wide(i);
    }
    to[e] = k0 == 0 ? sum : to[e] + sum;
  }
}

// A warp owns every 4th row of the softmax: the gradients of its edges' factors become those of
// their scores.
template <typename scalar_t>
__device__ void softmax_grads(const RelationalBackward<scalar_t>& op, const TargetBlock& block,
                              const BlockEdges<acc_t<scalar_t>>& edges) {
  const SoftmaxRows rows(op.forward, block);
  for (int i = rows.first + warp_in_block(); i < rows.last; i += kEdgeWarps)
    row_grads(op, block.group, int(rows.ptr[i]), int(rows.ptr[i + 1]), WarpThreads{},
              [&](int e, acc_t<scalar_t> by_score) { edges.set(e, by_score); });
}

// The columns k0 .. of the block's targets: their gradients, and what they add to that of the score
// vector. A team owns every n-th target, a lane a vector of columns.
template <bool kFits, Biased kBiased, typename scalar_t, typename Act, typename Source>
__device__ void target_grads(const RelationalBackward<scalar_t>& op, const Act& act,
                             const TargetBlock& block, const BlockEdges<acc_t<scalar_t>>& edges,
                             const Window<scalar_t>& v, const Source& source, int k0,
                             const Vector<scalar_t>& score,
                             acc_t<scalar_t> (&by_score)[kVector<scalar_t>]) {
  using acc = acc_t<scalar_t>;
  constexpr int kSize = kVector<scalar_t>;
  const RelationalForward<scalar_t>& forward = op.forward;
  const GraphPlan& graph = forward.graph;
  const Team team = v.team();
  const int64_t g = block.group, pitch = forward.attn_pitch;
  const int k = k0 + team.lane() * kSize;
  if (k >= pitch) return;
  const Bias<scalar_t> bias(forward, g);
  for (int i = block.first + team.index(); i < block.last; i += team.count()) {
    const int64_t row = (g * graph.num_dst + i) * pitch + k;
    const Vector<scalar_t> u = load_whole(forward.u + row, true);
    acc own[kSize] = {};
    // Adds the edges e .. end, whose targets' rows are t.
    const auto add = [&](int e, int end, const acc(&t)[kSize], acc(&sum)[kSize]) {
      edges.template for_each<kFits, ActivationGrad<Act>::kUnroll>(
          e, end, source, [&](int e) { return edges.get(e); },
          [&](int, int where, acc ds) {
            const Vector<scalar_t> y = v.template at<kFits>(where, k0, team.lane());
            const ActivationGrad<Act> grad(act, ds);
#pragma unroll
            for (int x = 0; x < kSize; ++x) grad.add(t[x] + y.wide(x), sum[x], by_score[x]);
          });
    };
    int e = int(graph.indptr[i]);
    const int last = int(graph.indptr[i + 1]);
    acc t[kSize];
    if constexpr (kBiased == Biased::kNo) {
#pragma unroll
      for (int x = 0; x < kSize; ++x) t[x] = u.wide(x);
      add(e, last, t, own);
#pragma unroll
      for (int x = 0; x < kSize; ++x) own[x] *= score.wide(x);
    } else if (e < last) {
      for (int p = int(graph.edge_seg[e]); e < last; ++p) {
        const Vector<scalar_t> b =
            bias.template at<kBiased == Biased::kAligned>(graph.seg_rel[p], k);
        const int end = int(graph.seg_ptr[p + 1]);
        acc of_segment[kSize] = {};
#pragma unroll
        for (int x = 0; x < kSize; ++x) t[x] = u.wide(x) + b.wide(x);
        add(e, end, t, of_segment);
#pragma unroll
        for (int x = 0; x < kSize; ++x) own[x] += of_segment[x] *= score.wide(x);
        store_sums(op.grad_biased + (g * graph.num_segments + p) * pitch + k, of_segment, kSize,
                   true);
        e = end;
      }
    }
    store_vector(op.grad_u + row, round_vector<scalar_t>(own), kSize, true);
  }
}

// A block owns some targets of a group.
template <typename scalar_t, typename Act, bool kBiased>
__global__ void __launch_bounds__(kEdgeThreads, kTargetBlocks)
    target_grads_kernel(const __grid_constant__ RelationalBackward<scalar_t> op, Act act,
                        bool feat_aligned, EdgeTasks tasks) {
  begin_after_previous();
  using acc = acc_t<scalar_t>;
  constexpr int kSize = kVector<scalar_t>;
  __shared__ Vector<scalar_t> memory[kWindowVectors], score[kWarpSize];
  __shared__ EdgeNumber<acc> staged[kStagedEdges<acc>];
  __shared__ acc by_score[kEdgeThreads * kSize];  // of teams, one after the other
  const RelationalForward<scalar_t>& forward = op.forward;
  const GraphPlan& graph = forward.graph;
  for (int64_t task = blockIdx.x; task < tasks.count; task += gridDim.x) {
    const TargetBlock block(graph, tasks, task);
    const int64_t g = block.group;
    if (tasks.leave(block)) {
      const int64_t before = g * graph.num_dst;
      clear_rows(op.grad_u, before + block.first, before + block.last, int(forward.attn_pitch));
      continue;
    }
    const Range sources =
        block_range(block.edge, block.edge_end, [&](int e) { return graph.indices[e]; });
    const auto source = [&](int e) { return int(graph.indices[e]) - sources.first; };
    const BlockEdges<acc> factors(staged, block.edge, block.edge_end,
                                  forward.factor + g * graph.num_edges),
        scores(staged, block.edge, block.edge_end, op.grad_score + g * graph.num_edges);

    // By the factors; in passing every segment is summed again, for its relation's weight.
    const int in = int(forward.in_feats);
    Window<scalar_t> feat(memory, forward.src_feat + modality(forward, g) * graph.num_src * in, in,
                          feat_aligned, sources);
    factors.find_rows(feat, source);
    set_factors(forward, block, factors);
    for (int k0 = 0; k0 < in; k0 += feat.chunk()) {
      feat.load(k0, [] {});
      with_flag(feat.fits() && factors.fits(), [&](auto fits) {
        sum_segments<decltype(fits)::value>(forward, block, factors, feat, source, k0);
      });
      with_flag(feat.fits(), [&](auto fits) {
        with_flag(in % kSize == 0, [&](auto aligned) {
          factor_grads<decltype(fits)::value, decltype(aligned)::value>(op, block, feat, source,
                                                                        k0);
        });
      });
    }
    __syncthreads();  // other warps read the gradients, and have read the factors

    softmax_grads(op, block, scores);
    const int attn = int(forward.attn_feats), pitch = int(forward.attn_pitch);
    Window<scalar_t> v(memory, forward.v + g * graph.num_src * pitch, pitch, true, sources);
    scores.find_rows(v, source);
    for (int k0 = 0; k0 < pitch; k0 += v.chunk()) {
      v.load(k0, [&] { load_score(forward.score + g * attn, attn, k0, score); });
      acc sum[kSize] = {};
      with_flag(v.fits() && scores.fits(), [&](auto fits) {
        with_bias<kBiased>(Bias(forward, g).aligned, [&](auto biased) {
          target_grads<decltype(fits)::value, decltype(biased)::value>(
              op, act, block, scores, v, source, k0, score[v.team().lane()], sum);
        });
      });
#pragma unroll
      for (int x = 0; x < kSize; ++x) by_score[int(threadIdx.x) * kSize + x] = sum[x];
      __syncthreads();
      acc* to = op.score_rows + (g * tasks.of_group + block.index) * pitch + k0;
      for (int k = int(threadIdx.x); k < v.chunk() && k0 + k < pitch; k += kEdgeThreads) {
        acc total = 0;
        for (int team = 0; team < v.team().count(); ++team) total += by_score[team * v.chunk() + k];
        to[k] = total;
      }
    }
  }
}

}  // namespace

template <typename scalar_t>
cudaError_t launch_target_grads(const RelationalBackward<scalar_t>& op, cudaStream_t stream) {
  const RelationalForward<scalar_t>& forward = op.forward;
  return with_kernel(forward, [&](auto act, auto biased) {
    return launch_edges(EdgeTasks(forward.groups, forward.graph.num_dst, forward.target_rows(),
                                  forward.most_target_edges()),
                        stream,
                        target_grads_kernel<scalar_t, decltype(act), decltype(biased)::value>, op,
                        act, is_aligned(forward.src_feat, forward.in_feats));
  });
}

#define INSTANTIATE(scalar_t) \
  template cudaError_t launch_target_grads(const RelationalBackward<scalar_t>&, cudaStream_t);
FOR_SCALARS(INSTANTIATE)

}  // namespace ariigcn
