// The edges of the relational attention, backward, for their sources: gradients of v, and of the
// features as they were summed.
#include "../instantiate.h"
#include "edge_block.h"

namespace ariigcn {
namespace {

// The edges that leave a block's sources: positions in the transpose.
struct SourceBlock {
  int64_t group;
  int first, last, edge, edge_end;

  __device__ SourceBlock(const GraphPlan& graph, const EdgeTasks& tasks, int64_t task) {
    group = uint32_t(task) / tasks.of_group;
    first = int(uint32_t(task) % tasks.of_group) * tasks.rows;
    const int num_src = int(graph.num_src);
    last = num_src - first < tasks.rows ? num_src : first + tasks.rows;
    edge = int(graph.t_indptr[first]);
    edge_end = int(graph.t_indptr[last]);
  }
};

// What the edge at position t of the transpose leads to.
__device__ inline int segment(const GraphPlan& graph, int t) {
  return int(graph.edge_seg[graph.t_eids[t]]);
}

// grad_v of the block's sources, columns k0 .. A team owns every n-th source, a lane a vector of
// columns; relation(t) is that of the edge at position t, target(t) counts in the window's range.
template <bool kFits, Biased kBiased, typename scalar_t, typename Act, typename Target,
          typename Relation>
__device__ void source_grads(const RelationalBackward<scalar_t>& op, const Act& act,
                             const SourceBlock& block, const BlockEdges<acc_t<scalar_t>>& edges,
                             const Window<scalar_t>& u, const Target& target,
                             const Relation& relation, int k0) {
  using acc = acc_t<scalar_t>;
  constexpr int kSize = kVector<scalar_t>;
  const RelationalForward<scalar_t>& forward = op.forward;
  const GraphPlan& graph = forward.graph;
  const Team team = u.team();
  const int64_t g = block.group, pitch = forward.attn_pitch;
  const int attn = int(forward.attn_feats), k = k0 + team.lane() * kSize;
  if (k >= pitch) return;
  const Bias<scalar_t> bias(forward, g);
  const scalar_t* score = forward.score + g * attn + k;
  const Vector<scalar_t> w = load_vector(score, attn - k, is_aligned(score, kSize));
  const acc* ds = op.grad_score + g * graph.num_edges;
  for (int j = block.first + team.index(); j < block.last; j += team.count()) {
    const int64_t row = (g * graph.num_src + j) * pitch + k;
    const Vector<scalar_t> own = load_whole(forward.v + row, true);
    acc v[kSize], sum[kSize] = {};
#pragma unroll
    for (int i = 0; i < kSize; ++i) v[i] = own.wide(i);
    edges.template for_each<kFits, ActivationGrad<Act>::kUnroll>(
        int(graph.t_indptr[j]), int(graph.t_indptr[j + 1]), target,
        [&](int t) { return ds[graph.t_eids[t]]; },
        [&](int t, int where, acc by_score) {
          const Vector<scalar_t> x = u.template at<kFits>(where, k0, team.lane());
          const ActivationGrad<Act> grad(act, by_score);
          if constexpr (kBiased == Biased::kNo) {
#pragma unroll
            for (int i = 0; i < kSize; ++i) sum[i] += grad.by_sum(x.wide(i), v[i]);
          } else {
            const Vector<scalar_t> b =
                bias.template at<kBiased == Biased::kAligned>(relation(t), k);
#pragma unroll
            for (int i = 0; i < kSize; ++i) sum[i] += grad.by_sum(x.wide(i), v[i] + b.wide(i));
          }
        });
#pragma unroll
    for (int i = 0; i < kSize; ++i) sum[i] *= w.wide(i);
    store_vector(op.grad_v + row, round_vector<scalar_t>(sum), kSize, true);
  }
}

// The gradients of the block's sources' features, as far as they were summed.
template <bool kFits, bool kAligned, typename scalar_t>
__device__ void summed_grads(const RelationalBackward<scalar_t>& op, const SourceBlock& block,
                             const BlockEdges<acc_t<scalar_t>>& edges) {
  using acc = acc_t<scalar_t>;
  constexpr int kSize = kVector<scalar_t>;
  const RelationalForward<scalar_t>& forward = op.forward;
  const GraphPlan& graph = forward.graph;
  const int in = int(forward.in_feats);
  const Team team = Team::of_width<scalar_t>(in);
  const scalar_t* sums = op.grad_sums + block.group * graph.num_segments * in;
  const acc* factors = forward.factor + block.group * graph.num_edges;
  for (int k = team.lane() * kSize; k < in; k += team.lanes() * kSize)
    for (int j = block.first + team.index(); j < block.last; j += team.count()) {
      acc sum[kSize] = {};
      edges.template for_each<kFits>(
          int(graph.t_indptr[j]), int(graph.t_indptr[j + 1]),
          [&](int t) { return segment(graph, t); }, [&](int t) { return factors[graph.t_eids[t]]; },
          [&](int, int p, acc factor) {
            const scalar_t* from = sums + int64_t(p) * in + k;
            const Vector<scalar_t> x =
                kAligned ? load_whole(from, true) : load_vector(from, in - k, false);
#pragma unroll
            for (int i = 0; i < kSize; ++i) sum[i] += factor * x.wide(i);
          });
      store_sums(op.grad_rows + (block.group * graph.num_src + j) * in + k, sum, in - k, kAligned);
    }
}

// A block owns some sources of a group.
template <typename scalar_t, typename Act, bool kBiased>
__global__ void __launch_bounds__(kEdgeThreads, kEdgeBlocks<kBiased>)
    source_grads_kernel(const __grid_constant__ RelationalBackward<scalar_t> op, Act act,
                        EdgeTasks tasks) {
  begin_after_previous();
  using acc = acc_t<scalar_t>;
  __shared__ Vector<scalar_t> memory[kWindowVectors];
  __shared__ EdgeNumber<acc> staged[kStagedEdges<acc>];
  __shared__ int relations[kStagedEdges<acc>];
  const RelationalForward<scalar_t>& forward = op.forward;
  const GraphPlan& graph = forward.graph;
  const int pitch = int(forward.attn_pitch);
  for (int64_t task = blockIdx.x; task < tasks.count; task += gridDim.x) {
    const SourceBlock block(graph, tasks, task);
    const int64_t g = block.group;
    if (tasks.leave(block)) {
      const int64_t before = g * graph.num_src, first = before + block.first;
      clear_rows(op.grad_v, first, before + block.last, pitch);
      clear_rows(op.grad_rows, first, before + block.last, int(forward.in_feats));
      continue;
    }
    const Range targets = block_range(block.edge, block.edge_end,
                                      [&](int t) { return graph.seg_dst[segment(graph, t)]; });
    const BlockEdges<acc> edges(staged, block.edge, block.edge_end, nullptr);
    Window<scalar_t> u(memory, forward.u + g * graph.num_dst * pitch, pitch, true, targets);
    const auto target = [&](int t) {
      return int(graph.seg_dst[segment(graph, t)]) - targets.first;
    };
    if (edges.fits() && u.fits())
      for (int t = block.edge + int(threadIdx.x); t < block.edge_end; t += kEdgeThreads) {
        edges.keep(t, u.offset(target(t)), op.grad_score[g * graph.num_edges + graph.t_eids[t]]);
        relations[t - block.edge] = int(graph.seg_rel[segment(graph, t)]);
      }
    for (int k0 = 0; k0 < pitch; k0 += u.chunk()) {
      u.load(k0, [] {});
      with_flag(edges.fits() && u.fits(), [&](auto fits) {
        with_bias<kBiased>(Bias(forward, g).aligned, [&](auto biased) {
          constexpr bool kFits = decltype(fits)::value;
          source_grads<kFits, decltype(biased)::value>(
              op, act, block, edges, u, target,
              [&](int t) {
                return kFits ? relations[t - block.edge] : int(graph.seg_rel[segment(graph, t)]);
              },
              k0);
        });
      });
    }

    __syncthreads();  // what is kept of the edges has been read
    if (edges.fits())
      for (int t = block.edge + int(threadIdx.x); t < block.edge_end; t += kEdgeThreads)
        edges.keep(t, segment(graph, t), forward.factor[g * graph.num_edges + graph.t_eids[t]]);
    __syncthreads();
    with_flag(edges.fits(), [&](auto fits) {
      with_flag(forward.in_feats % kVector<scalar_t> == 0, [&](auto aligned) {
        summed_grads<decltype(fits)::value, decltype(aligned)::value>(op, block, edges);
      });
    });
    __syncthreads();  // before the next task's are kept
  }
}

}  // namespace

template <typename scalar_t>
cudaError_t launch_source_grads(const RelationalBackward<scalar_t>& op, cudaStream_t stream) {
  const RelationalForward<scalar_t>& forward = op.forward;
  return with_kernel(forward, [&](auto act, auto biased) {
    return launch_edges(
        EdgeTasks(forward.groups, forward.graph.num_src, forward.source_rows(),
                  forward.most_source_edges()),
        stream, source_grads_kernel<scalar_t, decltype(act), decltype(biased)::value>, op, act);
  });
}

#define INSTANTIATE(scalar_t) \
  template cudaError_t launch_source_grads(const RelationalBackward<scalar_t>&, cudaStream_t);
FOR_SCALARS(INSTANTIATE)

}  // namespace ariigcn
