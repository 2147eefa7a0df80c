// What the edge kernels of the relational attention share: a block owns kEdgeRows consecutive
// targets (or sources) and passes over the rows at the other ends of their edges, a range of
// columns after the other. Where those rows are few neighbours, as in a window over a dialogue,
// they are copied to shared memory once and read from there by all edges; else each edge reads its
// own.
#pragma once

#include "../../philox.h"
#include "../vector.h"
#include "../warp.h"
#include "launchers.h"

namespace ariigcn {

constexpr int kEdgeThreads = 128;
constexpr int kEdgeWarps = kEdgeThreads / kWarpSize;
constexpr int kEdgeBlocks = 5;   // at least, of a multiprocessor: leaves a thread 96 registers
constexpr int kWindowRows = 48;  // 16 rows and a window of 32 others

// Columns that a block works on at once: a vector for each lane.
template <typename scalar_t>
constexpr int kChunk = kWarpSize * kVector<scalar_t>;

__device__ inline int warp_in_block() { return int(threadIdx.x) / kWarpSize; }

// Smallest and largest of number(k), first <= k < last; 0 and -1 if there is none.
struct Range {
  int64_t smallest, largest;
};
template <typename Number>
__device__ Range block_range(int64_t first, int64_t last, const Number& number) {
  __shared__ int64_t of_warp[2][kEdgeWarps];
  Range range{INT64_MAX, INT64_MIN};
  for (int64_t k = first + threadIdx.x; k < last; k += kEdgeThreads) {
    const int64_t n = number(k);
    if (n < range.smallest) range.smallest = n;
    if (n > range.largest) range.largest = n;
  }
  range = {warp_min(range.smallest), warp_max(range.largest)};
  if (lane() == 0) {
    of_warp[0][warp_in_block()] = range.smallest;
    of_warp[1][warp_in_block()] = range.largest;
  }
  __syncthreads();
  for (int w = 0; w < kEdgeWarps; ++w) {
    if (of_warp[0][w] < range.smallest) range.smallest = of_warp[0][w];
    if (of_warp[1][w] > range.largest) range.largest = of_warp[1][w];
  }
  __syncthreads();
  return first < last ? range : Range{0, -1};
}

template <typename scalar_t>
struct WindowMemory {
  // One vector more than a row holds: the same columns of neighbouring rows lie in other banks.
  static constexpr int kStride = kWarpSize + 1;
  Vector<scalar_t> row[kWindowRows * kStride];
};

// The rows of a matrix that a block reads.
template <typename scalar_t>
struct Window {
  WindowMemory<scalar_t>& memory;
  const scalar_t* rows;
  int64_t pitch, width;
  bool aligned;
  Range range;

  __device__ bool fits() const { return range.largest - range.smallest < kWindowRows; }

  // Copies columns k0 .. k0 + kChunk; all threads of the block call it together. `also()` runs
  // between the barriers, for what else is to be copied.
  template <typename Also>
  __device__ void load(int64_t k0, const Also& also) {
    __syncthreads();  // the chunk before has been read
    also();
    const int64_t count = fits() ? (range.largest - range.smallest + 1) * kWarpSize : 0;
    for (int64_t i = threadIdx.x; i < count; i += kEdgeThreads) {
      const int64_t row = i / kWarpSize, k = k0 + i % kWarpSize * kVector<scalar_t>;
      memory.row[row * WindowMemory<scalar_t>::kStride + i % kWarpSize] =
          load_vector(rows + (range.smallest + row) * pitch + k, width - k, aligned);
    }
    __syncthreads();
  }

  // Vector `v` of the columns that were loaded.
  __device__ Vector<scalar_t> at(int64_t row, int64_t k0, int v) const {
    if (fits()) return memory.row[(row - range.smallest) * WindowMemory<scalar_t>::kStride + v];
    const int64_t k = k0 + v * kVector<scalar_t>;
    return load_vector(rows + row * pitch + k, width - k, aligned);
  }
};

// Copies the score vector's part of a chunk, zeros after its end.
template <typename scalar_t, typename acc>
__device__ void load_score(const scalar_t* score, int64_t width, int64_t k0, acc* to) {
  for (int k = int(threadIdx.x); k < kChunk<scalar_t>; k += kEdgeThreads)
    to[k] = k0 + k < width ? acc(score[k0 + k]) : acc(0);
}

// The edges and segments of a block's targets.
struct TargetBlock {
  int64_t group, index, first, last;  // targets
  int64_t edge, edge_end, seg, seg_end;

  __device__ TargetBlock(const GraphPlan& graph, int64_t task) {
    const int64_t blocks = (graph.num_dst + kEdgeRows - 1) / kEdgeRows;
    group = task / blocks;
    index = task % blocks;
    first = index * kEdgeRows;
    last = first + kEdgeRows < graph.num_dst ? first + kEdgeRows : graph.num_dst;
    edge = graph.indptr[first];
    edge_end = graph.indptr[last];
    seg = edge < edge_end ? graph.edge_seg[edge] : 0;
    seg_end = edge < edge_end ? graph.edge_seg[edge_end - 1] + 1 : 0;
  }
};

// A number for each of a block's edges, summed over the columns of a window: `term(e, k0, vectors,
// row)` is the part of a chunk, where row(v) is vector v of the row at the other end of edge e. A
// thread owns every 128th edge and keeps its number in memory. `prepare(k0)` may copy to shared
// memory before each chunk, `also(k0)` works with it, too.
template <typename scalar_t, typename Prepare, typename Also, typename Term>
__device__ void reduce_edges(const TargetBlock& block, const IndexArray& indices,
                             Window<scalar_t>& window, const Prepare& prepare, const Also& also,
                             const Term& term, acc_t<scalar_t>* to) {
  for (int64_t k0 = 0; k0 < window.width; k0 += kChunk<scalar_t>) {
    window.load(k0, [&] { prepare(k0); });
    also(k0);
    const int64_t left = (window.width - k0 + kVector<scalar_t> - 1) / kVector<scalar_t>;
    const int vectors = left < kWarpSize ? int(left) : kWarpSize;
    for (int64_t e = block.edge + threadIdx.x; e < block.edge_end; e += kEdgeThreads) {
      const int64_t other = indices[e];
      const auto part = term(e, k0, vectors, [&](int v) { return window.at(other, k0, v); });
      to[e] = k0 == 0 ? part : to[e] + part;
    }
  }
  __syncthreads();  // other threads read the results
}

// sums[p] = sum over the edges e of segment p of factor[e] times the source's row, for the loaded
// chunk of a block's segments. A warp owns every 4th segment, a lane a vector of columns.
template <typename scalar_t>
__device__ void sum_segments(const RelationalForward<scalar_t>& op, const TargetBlock& block,
                             const Window<scalar_t>& window, int64_t k0) {
  using acc = acc_t<scalar_t>;
  const int64_t k = k0 + lane() * kVector<scalar_t>;
  if (k >= op.in_feats) return;
  const acc* factor = op.factor + block.group * op.graph.num_edges;
  for (int64_t p = block.seg + warp_in_block(); p < block.seg_end; p += kEdgeWarps) {
    acc sum[kVector<scalar_t>] = {};
#pragma unroll 2
    for (int64_t e = op.graph.seg_ptr[p]; e < op.graph.seg_ptr[p + 1]; ++e) {
      const Vector<scalar_t> x = window.at(op.graph.indices[e], k0, lane());
#pragma unroll
      for (int i = 0; i < kVector<scalar_t>; ++i) sum[i] += factor[e] * acc(x[i]);
    }
    Vector<scalar_t> rounded{};
#pragma unroll
    for (int i = 0; i < kVector<scalar_t>; ++i) rounded.set(i, scalar_t(sum[i]));
    store_vector(op.sums + (block.group * op.graph.num_segments + p) * op.in_feats + k, rounded,
                 op.in_feats - k, op.in_feats % kVector<scalar_t> == 0);
  }
}

// What edge e contributes to its segment's sum, apart from its attention and its weight.
template <typename scalar_t>
__device__ acc_t<scalar_t> edge_scale(const RelationalForward<scalar_t>& op, int64_t group,
                                      int64_t e) {
  using acc = acc_t<scalar_t>;
  const int64_t p = op.graph.edge_seg[e];
  acc scale = op.normalise ? 1 / acc(op.graph.seg_ptr[p + 1] - op.graph.seg_ptr[p]) : acc(1);
  if (op.seed != nullptr) scale *= dropout_scale(uint64_t(*op.seed), group, e, op.keep);
  return scale;
}
template <typename scalar_t>
__device__ acc_t<scalar_t> edge_weight(const RelationalForward<scalar_t>& op, int64_t e) {
  return op.edge_weight == nullptr ? acc_t<scalar_t>(1) : acc_t<scalar_t>(op.edge_weight[e]);
}

// The bias of a vector of columns in relation r, zeros without one.
template <typename scalar_t>
__device__ Vector<scalar_t> load_bias(const RelationalForward<scalar_t>& op, int64_t g, int64_t r,
                                      int64_t k) {
  Vector<scalar_t> b = {};
  if (op.bias != nullptr)
    b = load_vector(op.bias + (g * op.graph.num_rels + r) * op.attn_feats + k, op.attn_feats - k,
                    false);
  return b;
}

// Calls `launch(activation)` with what the kernels are compiled for.
template <typename scalar_t, typename Launch>
cudaError_t with_activation(const RelationalForward<scalar_t>& op, const Launch& launch) {
  using acc = acc_t<scalar_t>;
  if (op.activation == Activation::kLeakyRelu) return launch(LeakyRelu<acc>{acc(op.slope)});
  return launch(SmoothActivation<acc>{op.activation});
}

}  // namespace ariigcn
