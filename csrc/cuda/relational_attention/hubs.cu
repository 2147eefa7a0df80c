// The blocks that the edge kernels leave out, as they have very many edges: those of hubs. Warps
// share out their edges in chunks, whatever rows these belong to. The sum of a row whose edges lie
// in one chunk is written at once; of others, sums of parts are, and then added up in the order of
// the edges.
#include "../instantiate.h"
#include "softmax.h"

namespace ariigcn {
namespace {

constexpr int kScoredEdges = 32;      // of a warp that takes them one by one
constexpr int kSoftmaxThreads = 512;  // of a row
constexpr int kHubBlocks = 5;         // of a multiprocessor: leaves a thread 96 registers

// Equal parts of the edges of every group, and what blocks have been left out.
struct HubChunks {
  int size, edges;
  int block_rows, most_edges;
  uint32_t of_group;
  int64_t count;

  template <typename scalar_t>
  HubChunks(const RelationalForward<scalar_t>& op, int size, bool of_sources)
      : size(size),
        edges(int(op.graph.num_edges)),
        block_rows(of_sources ? op.source_rows() : op.target_rows()),
        most_edges(of_sources ? op.most_source_edges() : op.most_target_edges()),
        of_group(uint32_t((edges + size - 1) / size)),
        count(op.groups * int64_t(of_group)) {}
};

// Edges first .. end of a group: positions in the CSR, or in its transpose.
struct HubChunk {
  int64_t group;
  int first, end;

  __device__ HubChunk(const HubChunks& chunks, int64_t task) {
    group = uint32_t(task) / chunks.of_group;
    first = int(uint32_t(task) % chunks.of_group) * chunks.size;
    end = chunks.edges - first < chunks.size ? chunks.edges : first + chunks.size;
  }
};

// Targets or sources whose edges lie beside each other, in blocks as of an edge kernel.
struct Blocks {
  IndexArray ptr;
  int rows;
  const HubChunks& chunks;

  __device__ int first(int block) const { return block * chunks.block_rows; }
  __device__ int last(int block) const {
    return rows - first(block) < chunks.block_rows ? rows : first(block) + chunks.block_rows;
  }
  __device__ int begin(int block) const { return int(ptr[first(block)]); }
  __device__ int end(int block) const { return int(ptr[last(block)]); }
  __device__ bool left_out(int block) const {
    return end(block) - begin(block) > chunks.most_edges;
  }
  __device__ bool has_left_out(int row) const { return left_out(row / chunks.block_rows); }
  // Whether one of the blocks of the rows from .. to is; all lanes of the warp ask together.
  __device__ bool any_left_out(int from, int to) const {
    int found = 0;
    for (int block = from / chunks.block_rows + lane(); block <= to / chunks.block_rows;
         block += kWarpSize)
      found |= left_out(block);
    return warp_max(found) != 0;
  }
};

// Runs of edges that belong together: begin(row) .. end(row); owner(row) is the target or source by
// whose block it is told whether they were left out.
struct OfTargets {
  static constexpr bool kSources = false;
  const GraphPlan& graph;
  Blocks blocks;

  __device__ OfTargets(const GraphPlan& graph, const HubChunks& chunks)
      : graph(graph), blocks{graph.indptr, int(graph.num_dst), chunks} {}
  __device__ int row(int e) const { return int(graph.seg_dst[graph.edge_seg[e]]); }
  __device__ int begin(int row) const { return int(graph.indptr[row]); }
  __device__ int end(int row) const { return int(graph.indptr[row + 1]); }
  __device__ int owner(int row) const { return row; }
};
struct OfSegments : OfTargets {
  using OfTargets::OfTargets;
  __device__ int row(int e) const { return int(graph.edge_seg[e]); }
  __device__ int begin(int row) const { return int(graph.seg_ptr[row]); }
  __device__ int end(int row) const { return int(graph.seg_ptr[row + 1]); }
  __device__ int owner(int row) const { return int(graph.seg_dst[row]); }
};
struct OfBlocks : OfTargets {
  using OfTargets::OfTargets;
  __device__ int row(int e) const { return OfTargets::row(e) / blocks.chunks.block_rows; }
  __device__ int begin(int row) const { return blocks.begin(row); }
  __device__ int end(int row) const { return blocks.end(row); }
  __device__ int owner(int row) const { return blocks.first(row); }
};
struct OfSources {
  static constexpr bool kSources = true;
  const GraphPlan& graph;
  Blocks blocks;

  __device__ OfSources(const GraphPlan& graph, const HubChunks& chunks)
      : graph(graph), blocks{graph.t_indptr, int(graph.num_src), chunks} {}
  __device__ int row(int t) const { return int(graph.indices[graph.t_eids[t]]); }
  __device__ int begin(int row) const { return int(graph.t_indptr[row]); }
  __device__ int end(int row) const { return int(graph.t_indptr[row + 1]); }
  __device__ int owner(int row) const { return row; }
};

template <typename Rows>
__device__ bool none_left_out(const Rows& rows, const HubChunk& chunk) {
  return !rows.blocks.any_left_out(rows.owner(rows.row(chunk.first)),
                                   rows.owner(rows.row(chunk.end - 1)));
}

// Calls visit(row, begin, end) for the rows of a chunk that were left out.
template <typename Rows, typename Visit>
__device__ void for_rows(const Rows& rows, const HubChunk& chunk, const Visit& visit) {
  for (int e = chunk.first; e < chunk.end;) {
    const int row = rows.row(e), end = rows.end(row);
    if (rows.blocks.has_left_out(rows.owner(row))) visit(row, rows.begin(row), end);
    e = end;
  }
}

// Any of the activations: what a gathered row costs hides the choice.
template <typename acc>
struct AnyActivation {
  Activation kind;
  acc slope;

  template <typename scalar_t>
  __device__ explicit AnyActivation(const RelationalForward<scalar_t>& op)
      : kind(op.activation), slope(acc(op.slope)) {}

  __device__ acc value(acc t) const {
    if (kind == Activation::kLeakyRelu) return leaky_relu(t, slope);
    return SmoothActivation<acc>{kind}.value(t);
  }
  __device__ acc grad(acc t) const {
    if (kind == Activation::kLeakyRelu) return leaky_relu_grad(t, slope);
    return SmoothActivation<acc>{kind}.grad(t);
  }
};

template <typename scalar_t>
HOST_DEVICE const RelationalForward<scalar_t>& forward_of(const RelationalForward<scalar_t>& op) {
  return op;
}
template <typename scalar_t>
HOST_DEVICE const RelationalForward<scalar_t>& forward_of(const RelationalBackward<scalar_t>& op) {
  return op.forward;
}

// Adds the columns from `row` on, of which there are `left`, times a factor.
template <typename scalar_t>
__device__ void add_row(const scalar_t* row, int left, acc_t<scalar_t> factor,
                        acc_t<scalar_t> (&sum)[kVector<scalar_t>]) {
  constexpr int kSize = kVector<scalar_t>;
  const Vector<scalar_t> x = load_vector(row, left, is_aligned(row, kSize));
#pragma unroll
  for (int i = 0; i < kSize; ++i) sum[i] += factor * x.wide(i);
}

// What is summed: `Op` holds its operands and `Rows` has the edges of a sum; add(e, k, sum) adds
// the columns k .. of an edge, and store(row, k, sum) takes a row's sum.
//
// Of a segment the features of sources, times factors.
template <typename scalar_t>
struct SegmentSum {
  using Op = RelationalForward<scalar_t>;
  using Rows = OfSegments;
  using acc = acc_t<scalar_t>;
  static constexpr int kSize = kVector<scalar_t>;
  const Op& op;
  int64_t group;
  int width;
  const scalar_t* feat;
  const acc* factor;

  __device__ SegmentSum(const Op& op, int64_t group)
      : op(op),
        group(group),
        width(int(op.in_feats)),
        feat(op.src_feat + modality(op, group) * op.graph.num_src * op.in_feats),
        factor(op.factor + group * op.graph.num_edges) {}

  __device__ void add(int e, int k, acc (&sum)[kSize]) const {
    add_row(feat + op.graph.indices[e] * width + k, width - k, factor[e], sum);
  }
  __device__ void store(int p, int k, const acc (&sum)[kSize]) const {
    scalar_t* to = op.sums + (group * op.graph.num_segments + p) * width + k;
    store_vector(to, round_vector<scalar_t>(sum), width - k, is_aligned(to, kSize));
  }
};

// Of an edge the gradients by the argument of its activation and by the score vector.
template <typename scalar_t>
struct EdgeGrad {
  using Op = RelationalBackward<scalar_t>;
  using acc = acc_t<scalar_t>;
  static constexpr int kSize = kVector<scalar_t>;
  const Op& op;
  int64_t group;
  AnyActivation<acc> act;
  int width;
  const scalar_t *u, *v;
  const acc* grad_score;
  Bias<scalar_t> bias;

  __device__ EdgeGrad(const Op& op, int64_t group)
      : op(op),
        group(group),
        act(op.forward),
        width(int(op.forward.attn_pitch)),
        u(op.forward.u + group * op.forward.graph.num_dst * width),
        v(op.forward.v + group * op.forward.graph.num_src * width),
        grad_score(op.grad_score + group * op.forward.graph.num_edges),
        bias(op.forward, group) {}

  __device__ void add_to(int e, int k, acc (&by_argument)[kSize], acc (&by_score)[kSize]) const {
    const GraphPlan& graph = op.forward.graph;
    const int64_t p = graph.edge_seg[e];
    const Vector<scalar_t> x = load_whole(u + graph.seg_dst[p] * width + k, true),
                           y = load_whole(v + graph.indices[e] * width + k, true);
    const Vector<scalar_t> b = bias.of(graph.seg_rel[p], k);
    const acc ds = grad_score[e];
#pragma unroll
    for (int i = 0; i < kSize; ++i) {
      const acc t = x.wide(i) + y.wide(i) + b.wide(i);
      by_argument[i] += ds * act.grad(t);
      by_score[i] += ds * act.value(t);
    }
  }
  __device__ void times_score(int k, acc (&sum)[kSize]) const {
    const int attn = int(op.forward.attn_feats);
    const scalar_t* score = op.forward.score + group * attn + k;
    const Vector<scalar_t> w = load_vector(score, attn - k, is_aligned(score, kSize));
#pragma unroll
    for (int i = 0; i < kSize; ++i) sum[i] *= w.wide(i);
  }
};

// Of a target, by u; of a segment, by its bias; of a block, by the score vector; of a source, by v.
template <typename scalar_t>
struct TargetSum : EdgeGrad<scalar_t> {
  using Base = EdgeGrad<scalar_t>;
  using Base::Base, Base::kSize, typename Base::acc;
  using Rows = OfTargets;

  __device__ void add(int e, int k, acc (&sum)[kSize]) const {
    acc by_score[kSize] = {};
    this->add_to(e, k, sum, by_score);
  }
  __device__ void store(int i, int k, acc (&sum)[kSize]) const {
    this->times_score(k, sum);
    const int64_t row = this->group * this->op.forward.graph.num_dst + i;
    store_vector(this->op.grad_u + row * this->width + k, round_vector<scalar_t>(sum), kSize, true);
  }
};
template <typename scalar_t>
struct BiasSum : TargetSum<scalar_t> {
  using Base = TargetSum<scalar_t>;
  using Base::Base, Base::kSize, typename Base::acc;
  using Rows = OfSegments;

  __device__ void store(int p, int k, acc (&sum)[kSize]) const {
    this->times_score(k, sum);
    const int64_t row = this->group * this->op.forward.graph.num_segments + p;
    store_sums(this->op.grad_biased + row * this->width + k, sum, kSize, true);
  }
};
template <typename scalar_t>
struct ScoreSum : EdgeGrad<scalar_t> {
  using Base = EdgeGrad<scalar_t>;
  using Base::Base, Base::kSize, typename Base::acc;
  using Rows = OfBlocks;

  __device__ void add(int e, int k, acc (&sum)[kSize]) const {
    acc by_argument[kSize] = {};
    this->add_to(e, k, by_argument, sum);
  }
  __device__ void store(int block, int k, const acc (&sum)[kSize]) const {
    const int64_t row = this->group * this->op.forward.target_blocks() + block;
    store_sums(this->op.score_rows + row * this->width + k, sum, kSize, true);
  }
};
template <typename scalar_t>
struct SourceSum : EdgeGrad<scalar_t> {
  using Base = EdgeGrad<scalar_t>;
  using Base::Base, Base::kSize, typename Base::acc;
  using Rows = OfSources;

  __device__ void add(int t, int k, acc (&sum)[kSize]) const {
    acc by_score[kSize] = {};
    this->add_to(int(this->op.forward.graph.t_eids[t]), k, sum, by_score);
  }
  __device__ void store(int j, int k, acc (&sum)[kSize]) const {
    this->times_score(k, sum);
    const int64_t row = this->group * this->op.forward.graph.num_src + j;
    store_vector(this->op.grad_v + row * this->width + k, round_vector<scalar_t>(sum), kSize, true);
  }
};

// Of a source the gradients of its features as they were summed.
template <typename scalar_t>
struct FeatureSum {
  using Op = RelationalBackward<scalar_t>;
  using Rows = OfSources;
  using acc = acc_t<scalar_t>;
  static constexpr int kSize = kVector<scalar_t>;
  const Op& op;
  int64_t group;
  int width;
  const scalar_t* sums;
  const acc* factor;

  __device__ FeatureSum(const Op& op, int64_t group)
      : op(op),
        group(group),
        width(int(op.forward.in_feats)),
        sums(op.grad_sums + group * op.forward.graph.num_segments * width),
        factor(op.forward.factor + group * op.forward.graph.num_edges) {}

  __device__ void add(int t, int k, acc (&sum)[kSize]) const {
    const GraphPlan& graph = op.forward.graph;
    const int64_t e = graph.t_eids[t];
    add_row(sums + graph.edge_seg[e] * width + k, width - k, factor[e], sum);
  }
  __device__ void store(int j, int k, const acc (&sum)[kSize]) const {
    acc* to = op.grad_rows + (group * op.forward.graph.num_src + j) * width + k;
    store_sums(to, sum, width - k, is_aligned(to, kVector<acc>));
  }
};

// Where sums of the parts of rows are kept: of each chunk that of its first row, if the row begins
// before it, and that of its last, if the row begins in it and goes on after it.
template <typename acc>
struct Parts {
  acc* sums;
  int64_t pitch;

  __device__ acc* first_row(int64_t task) const { return sums + 2 * task * pitch; }
  __device__ acc* last_row(int64_t task) const { return sums + (2 * task + 1) * pitch; }
};
template <typename acc, int size>
__device__ void add_part(const acc* part, acc (&sum)[size]) {
#pragma unroll
  for (int i = 0; i < size; i += kVector<acc>) {
    const Vector<acc> x = load_whole(part + i, true);
#pragma unroll
    for (int j = 0; j < kVector<acc>; ++j) sum[i + j] += x[j];
  }
}

// A warp owns a chunk, a lane every 32nd vector of columns.
template <typename Sum>
__global__ void __launch_bounds__(kEdgeThreads, kHubBlocks)
    hub_sums_kernel(const __grid_constant__ typename Sum::Op op, Parts<typename Sum::acc> parts,
                    HubChunks chunks) {
  begin_after_previous();
  const typename Sum::Rows rows(forward_of(op).graph, chunks);
  for (int64_t task = warp_in_grid(); task < chunks.count; task += warps_in_grid()) {
    const HubChunk chunk(chunks, task);
    if (none_left_out(rows, chunk)) continue;
    const Sum sum(op, chunk.group);
    for (int k = lane() * Sum::kSize; k < sum.width; k += kWarpSize * Sum::kSize)
      for_rows(rows, chunk, [&](int row, int begin, int end) {
        const bool begins = begin >= chunk.first, ends = end <= chunk.end;
        const int stop = ends ? end : chunk.end;
        typename Sum::acc total[Sum::kSize] = {};
#pragma unroll 4
        for (int e = begins ? begin : chunk.first; e < stop; ++e) sum.add(e, k, total);
        if (begins && ends)
          sum.store(row, k, total);
        else
          store_sums((begins ? parts.last_row(task) : parts.first_row(task)) + k, total, Sum::kSize,
                     true);
      });
  }
}

// A warp owns the row that begins in a chunk and goes on after it, if there is one.
template <typename Sum>
__global__ void __launch_bounds__(kEdgeThreads, kHubBlocks)
    hub_parts_kernel(const __grid_constant__ typename Sum::Op op, Parts<typename Sum::acc> parts,
                     HubChunks chunks) {
  begin_after_previous();
  using acc = typename Sum::acc;
  const typename Sum::Rows rows(forward_of(op).graph, chunks);
  for (int64_t task = warp_in_grid(); task < chunks.count; task += warps_in_grid()) {
    const HubChunk chunk(chunks, task);
    const int row = rows.row(chunk.end - 1), end = rows.end(row);
    if (rows.begin(row) < chunk.first || end <= chunk.end) continue;
    if (!rows.blocks.has_left_out(rows.owner(row))) continue;
    const Sum sum(op, chunk.group);
    const int others = (end - chunk.end + chunks.size - 1) / chunks.size;
    for (int k = lane() * Sum::kSize; k < sum.width; k += kWarpSize * Sum::kSize) {
      acc total[Sum::kSize] = {};
      add_part(parts.last_row(task) + k, total);
#pragma unroll 4
      for (int n = 1; n <= others; ++n) add_part(parts.first_row(task + n) + k, total);
      sum.store(row, k, total);
    }
  }
}

// A warp owns a chunk: scores, as numbers of the edges.
template <typename scalar_t>
__global__ void __launch_bounds__(kEdgeThreads, kHubBlocks)
    hub_scores_kernel(const __grid_constant__ RelationalForward<scalar_t> op, HubChunks chunks) {
  begin_after_previous();
  using acc = acc_t<scalar_t>;
  constexpr int kSize = kVector<scalar_t>;
  const GraphPlan& graph = op.graph;
  const AnyActivation<acc> act(op);
  const OfSegments rows(graph, chunks);
  const int attn = int(op.attn_feats), pitch = int(op.attn_pitch);
  for (int64_t task = warp_in_grid(); task < chunks.count; task += warps_in_grid()) {
    const HubChunk chunk(chunks, task);
    if (none_left_out(rows, chunk)) continue;
    const int64_t g = chunk.group;
    const scalar_t* score = op.score + g * attn;
    const bool score_aligned = is_aligned(score, kSize);
    const Bias<scalar_t> bias(op, g);
    for_rows(rows, chunk, [&](int p, int begin, int end) {
      const scalar_t* u = op.u + (g * graph.num_dst + graph.seg_dst[p]) * pitch;
      const int first = begin < chunk.first ? chunk.first : begin;
      const int stop = end < chunk.end ? end : chunk.end;
      for (int e = first; e < stop; ++e) {
        const scalar_t* v = op.v + (g * graph.num_src + graph.indices[e]) * pitch;
        acc sum = 0;
        for (int k = lane() * kSize; k < pitch; k += kWarpSize * kSize) {
          const Vector<scalar_t> x = load_whole(u + k, true), y = load_whole(v + k, true),
                                 w = load_vector(score + k, attn - k, score_aligned),
                                 b = bias.of(graph.seg_rel[p], k);
#pragma unroll
          for (int i = 0; i < kSize; ++i)
            sum += w.wide(i) * act.value(x.wide(i) + y.wide(i) + b.wide(i));
        }
        sum = warp_sum(sum);
        if (lane() == 0) op.factor[g * graph.num_edges + e] = sum;
      }
    });
  }
}

// A warp owns a chunk: factors, and the gradients by them, the source's row . gradient of the sum
// of the edge's segment.
template <typename scalar_t>
__global__ void __launch_bounds__(kEdgeThreads, kHubBlocks)
    hub_factor_grads_kernel(const __grid_constant__ RelationalBackward<scalar_t> op,
                            HubChunks chunks) {
  begin_after_previous();
  using acc = acc_t<scalar_t>;
  constexpr int kSize = kVector<scalar_t>;
  const RelationalForward<scalar_t>& forward = op.forward;
  const GraphPlan& graph = forward.graph;
  const OfSegments rows(graph, chunks);
  const int in = int(forward.in_feats);
  for (int64_t task = warp_in_grid(); task < chunks.count; task += warps_in_grid()) {
    const HubChunk chunk(chunks, task);
    if (none_left_out(rows, chunk)) continue;
    const int64_t g = chunk.group, start = g * graph.num_edges;
    const scalar_t* feat = forward.src_feat + modality(forward, g) * graph.num_src * in;
    const bool aligned = is_aligned(feat, in) && is_aligned(op.grad_sums, in);
    for_rows(rows, chunk, [&](int p, int begin, int end) {
      const scalar_t* sums = op.grad_sums + (g * graph.num_segments + p) * in;
      const int first = begin < chunk.first ? chunk.first : begin;
      const int stop = end < chunk.end ? end : chunk.end;
      for (int e = first; e < stop; ++e) {
        const scalar_t* source = feat + graph.indices[e] * in;
        acc sum = 0;
        for (int k = lane() * kSize; k < in; k += kWarpSize * kSize) {
          const Vector<scalar_t> x = load_vector(sums + k, in - k, aligned),
                                 y = load_vector(source + k, in - k, aligned);
#pragma unroll
          for (int i = 0; i < kSize; ++i) sum += x.wide(i) * y.wide(i);
        }
        sum = warp_sum(sum);
        if (lane() != 0) continue;
        op.grad_score[start + e] = sum;
        forward.factor[start + e] =
            acc(forward.alpha[start + e]) * edge_scale(forward, g, e) * edge_weight(forward, e);
      }
    });
  }
}

class BlockThreads {
 public:
  template <typename acc>
  __device__ acc sum(acc value) const {
    return over_warps(warp_sum(value), [](acc a, acc b) { return a + b; });
  }
  template <typename acc>
  __device__ acc max(acc value) const {
    return over_warps(warp_max(value), [](acc a, acc b) { return a < b ? b : a; });
  }
  __device__ int index() const { return int(threadIdx.x); }
  __device__ int count() const { return kSoftmaxThreads; }

 private:
  template <typename acc, typename Join>
  __device__ static acc over_warps(acc value, const Join& join) {
    constexpr int kWarps = kSoftmaxThreads / kWarpSize;
    __shared__ acc of_warp[kWarps];
    if (lane() == 0) of_warp[warp_in_block()] = value;
    __syncthreads();
    acc all = of_warp[0];
    for (int w = 1; w < kWarps; ++w) all = join(all, of_warp[w]);
    __syncthreads();
    return all;
  }
};

template <typename scalar_t>
__device__ void softmax(const RelationalForward<scalar_t>& op, int64_t group, int first, int end) {
  acc_t<scalar_t>* factor = op.factor + group * op.graph.num_edges;
  attend_row(op, group, first, end, BlockThreads{},
             [&](int e) -> acc_t<scalar_t>& { return factor[e]; });
}
template <typename scalar_t>
__device__ void softmax(const RelationalBackward<scalar_t>& op, int64_t group, int first, int end) {
  row_grads(op, group, first, end, BlockThreads{}, [](int, acc_t<scalar_t>) {});
}

// Runs of edges whose attention adds up to 1.
struct OfSoftmax : OfTargets {
  bool segments;

  __device__ OfSoftmax(const GraphPlan& graph, const HubChunks& chunks, bool segments)
      : OfTargets(graph, chunks), segments(segments) {}
  __device__ int row(int e) const { return segments ? int(graph.edge_seg[e]) : OfTargets::row(e); }
  __device__ int begin(int row) const {
    return int((segments ? graph.seg_ptr : graph.indptr)[row]);
  }
  __device__ int end(int row) const { return begin(row + 1); }
  __device__ int owner(int row) const { return segments ? int(graph.seg_dst[row]) : row; }
};

// A block owns the rows of the softmax that begin in a chunk: forward their scores become attention
// and factors, backward gradients of factors those of scores.
template <typename Op>
__global__ void __launch_bounds__(kSoftmaxThreads, 2)
    hub_softmax_kernel(const __grid_constant__ Op op, HubChunks chunks) {
  begin_after_previous();
  const OfSoftmax rows(forward_of(op).graph, chunks, forward_of(op).within_relation);
  for (int64_t task = blockIdx.x; task < chunks.count; task += gridDim.x) {
    const HubChunk chunk(chunks, task);
    if (none_left_out(rows, chunk)) continue;
    for_rows(rows, chunk, [&](int, int begin, int end) {
      if (begin >= chunk.first) softmax(op, chunk.group, begin, end);
    });
  }
}

// The launches of one direction, in order, up to the first error.
class Launches {
 public:
  explicit Launches(cudaStream_t stream) : stream_(stream) {}

  cudaError_t error() const { return error_; }

  template <typename Sum>
  void sum(const typename Sum::Op& op) {
    const auto& forward = forward_of(op);
    const HubChunks chunks(forward, kHubEdges, Sum::Rows::kSources);
    const Parts<typename Sum::acc> parts{forward.hub_sums, forward.hub_pitch()};
    warps(chunks, hub_sums_kernel<Sum>, op, parts);
    warps(chunks, hub_parts_kernel<Sum>, op, parts);
  }

  template <typename Op>
  void softmax(const Op& op) {
    const HubChunks chunks(forward_of(op), kHubEdges, false);
    if (fit(chunks))
      error_ = launch(chunks.count, kSoftmaxThreads, stream_, hub_softmax_kernel<Op>, op, chunks);
  }

  // A warp for each chunk.
  template <typename... Params, typename... Args>
  void warps(const HubChunks& chunks, void (*kernel)(Params...), const Args&... args) {
    if (fit(chunks)) error_ = launch_warps(chunks.count, stream_, kernel, args..., chunks);
  }

 private:
  // Chunks are numbered by 32 bits, as blocks of the edge kernels are.
  bool fit(const HubChunks& chunks) {
    if (error_ == cudaSuccess && chunks.count > UINT32_MAX) error_ = cudaErrorInvalidConfiguration;
    return error_ == cudaSuccess;
  }

  cudaStream_t stream_;
  cudaError_t error_ = cudaSuccess;
};

}  // namespace

template <typename scalar_t>
cudaError_t launch_hub_attention(const RelationalForward<scalar_t>& op, cudaStream_t stream) {
  if (!op.may_have_hubs()) return cudaSuccess;
  Launches launches(stream);
  launches.warps(HubChunks(op, kScoredEdges, false), hub_scores_kernel<scalar_t>, op);
  launches.softmax(op);
  launches.template sum<SegmentSum<scalar_t>>(op);
  return launches.error();
}

template <typename scalar_t>
cudaError_t launch_hub_target_grads(const RelationalBackward<scalar_t>& op, cudaStream_t stream) {
  const RelationalForward<scalar_t>& forward = op.forward;
  if (!forward.may_have_hubs()) return cudaSuccess;
  Launches launches(stream);
  launches.warps(HubChunks(forward, kScoredEdges, false), hub_factor_grads_kernel<scalar_t>, op);
  launches.template sum<SegmentSum<scalar_t>>(forward);
  launches.softmax(op);
  launches.template sum<TargetSum<scalar_t>>(op);
  launches.template sum<ScoreSum<scalar_t>>(op);
  if (forward.bias != nullptr) launches.template sum<BiasSum<scalar_t>>(op);
  return launches.error();
}

template <typename scalar_t>
cudaError_t launch_hub_source_grads(const RelationalBackward<scalar_t>& op, cudaStream_t stream) {
  if (!op.forward.may_have_hubs()) return cudaSuccess;
  Launches launches(stream);
  launches.template sum<SourceSum<scalar_t>>(op);
  launches.template sum<FeatureSum<scalar_t>>(op);
  return launches.error();
}

#define INSTANTIATE(scalar_t)                                                                      \
  template cudaError_t launch_hub_attention(const RelationalForward<scalar_t>&, cudaStream_t);     \
  template cudaError_t launch_hub_target_grads(const RelationalBackward<scalar_t>&, cudaStream_t); \
  template cudaError_t launch_hub_source_grads(const RelationalBackward<scalar_t>&, cudaStream_t);
FOR_SCALARS(INSTANTIATE)

}  // namespace ariigcn
