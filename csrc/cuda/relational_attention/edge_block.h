// What the edge kernels of the relational attention share: a block owns consecutive targets (or
// sources) and passes over the rows at the other ends of their edges.
#pragma once

#include <type_traits>

#include "../../philox.h"
#include "../launch.h"
#include "launchers.h"
#include "window.h"

namespace ariigcn {

// At least, of a multiprocessor: leaves a thread 96 registers, with biases 128.
template <bool kBiased>
constexpr int kEdgeBlocks = kBiased ? 4 : 5;

// Calls `run` with what is known of a flag while the kernel is compiled.
template <typename Run>
__device__ void with_flag(bool flag, const Run& run) {
  if (flag)
    run(std::true_type{});
  else
    run(std::false_type{});
}

// The rows number(k), first <= k < last, and all between them.
template <typename Number>
__device__ Range block_range(int first, int last, const Number& number) {
  __shared__ int of_warp[2][kEdgeWarps];
  int smallest = INT32_MAX, largest = INT32_MIN;
  for (int k = first + int(threadIdx.x); k < last; k += kEdgeThreads) {
    const int n = int(number(k));
    if (n < smallest) smallest = n;
    if (n > largest) largest = n;
  }
  smallest = warp_min(smallest);
  largest = warp_max(largest);
  if (lane() == 0) {
    of_warp[0][warp_in_block()] = smallest;
    of_warp[1][warp_in_block()] = largest;
  }
  __syncthreads();
  for (int w = 0; w < kEdgeWarps; ++w) {
    if (of_warp[0][w] < smallest) smallest = of_warp[0][w];
    if (of_warp[1][w] > largest) largest = of_warp[1][w];
  }
  __syncthreads();
  return first < last ? Range{smallest, largest - smallest + 1} : Range{0, 0};
}

// An edge's number, such as its score, and where the row at its other end is in shared memory.
template <typename acc>
struct alignas(2 * sizeof(acc)) EdgeNumber {
  int offset;
  acc number;
};
template <typename acc>
constexpr int kStagedEdges = 4096 / int(sizeof(EdgeNumber<acc>));

// The edges first .. end of a block. As many as kStagedEdges are kept in shared memory, so that
// loops over them wait for no chain of loads; of more, as the hubs of a general graph have, the
// numbers are in `global`.
template <typename acc>
class BlockEdges {
 public:
  __device__ BlockEdges(EdgeNumber<acc>* staged, int first, int end, acc* global)
      : staged_(staged), first_(first), end_(end), global_(global) {}

  __device__ bool fits() const { return end_ - first_ <= kStagedEdges<acc>; }

  // Where it is known that they fit, `kFits`, numbers are found without asking.
  template <bool kFits>
  __device__ acc& number(int e) const {
    if constexpr (kFits) return staged_[e - first_].number;
    return global_[e];
  }
  __device__ acc get(int e) const {
    if (fits()) return number<true>(e);
    return number<false>(e);
  }
  __device__ void set(int e, acc value) const {
    if (fits())
      number<true>(e) = value;
    else
      number<false>(e) = value;
  }

  // Keeps where the row of every edge is, if window and edges fit; row(e) counts in the window's
  // range. All threads of the block call it together.
  template <typename scalar_t, typename Row>
  __device__ void find_rows(const Window<scalar_t>& window, const Row& row) const {
    if (fits() && window.fits())
      for (int e = first_ + int(threadIdx.x); e < end_; e += kEdgeThreads)
        staged_[e - first_].offset = window.offset(row(e));
    __syncthreads();
  }

  __device__ void keep(int e, int offset, acc number) const {
    staged_[e - first_] = {offset, number};
  }

  // Calls visit(e, where, number) for the edges from `e` to `end`, with what Window::at is asked
  // for, `kUnroll` edges at once. If they are not kept, where(e) and number(e) tell.
  template <bool kFits, int kUnroll = 4, typename Where, typename Number, typename Visit>
  __device__ void for_each(int e, int end, const Where& where, const Number& number,
                           const Visit& visit) const {
    if constexpr (kFits) {
      const EdgeNumber<acc>*at = staged_ + (e - first_), *stop = staged_ + (end - first_);
#pragma unroll kUnroll
      for (; at < stop; ++at) visit(first_ + int(at - staged_), at->offset, at->number);
    } else {
#pragma unroll 1
      for (; e < end; ++e) visit(e, where(e), number(e));
    }
  }

 private:
  EdgeNumber<acc>* staged_;
  int first_, end_;
  acc* global_;
};

// Copies the score vector's part of a chunk, zeros after its end.
template <typename scalar_t>
__device__ void load_score(const scalar_t* score, int width, int k0, Vector<scalar_t>* to) {
  if (const int v = int(threadIdx.x); v < kWarpSize) {
    const int k = k0 + v * kVector<scalar_t>;
    to[v] = load_vector(score + k, width - k, is_aligned(score, kVector<scalar_t>));
  }
}

// The blocks of a launch: each has `rows` of a group's targets or sources. They are numbered by 32
// bits, as a division of 64 takes 70 instructions; more do not fit into memory.
struct EdgeTasks {
  int rows, most_edges;
  uint32_t of_group;
  int64_t count;

  EdgeTasks(int64_t groups, int64_t all_rows, int rows, int most_edges)
      : rows(rows),
        most_edges(most_edges),
        of_group(uint32_t(edge_blocks(all_rows, rows))),
        count(groups * int64_t(of_group)) {}

  // Whether a block is left to the kernels of hubs.
  template <typename Block>
  __device__ bool leave(const Block& block) const {
    return block.edge_end - block.edge > most_edges;
  }
};
// The rows first .. end of a block that is left out: those without edges are then right.
template <typename value_t>
__device__ void clear_rows(value_t* rows, int64_t first, int64_t end, int width) {
  for (int64_t at = first * width + threadIdx.x; at < end * width; at += kEdgeThreads)
    rows[at] = value_t(0);
}
template <typename... Params, typename... Args>
cudaError_t launch_edges(const EdgeTasks& tasks, cudaStream_t stream, void (*kernel)(Params...),
                         Args... args) {
  if (tasks.count > UINT32_MAX) return cudaErrorInvalidConfiguration;
  return launch(tasks.count, kEdgeThreads, stream, kernel, args..., tasks);
}

// Whose features a group reads.
template <typename scalar_t>
__device__ int64_t modality(const RelationalForward<scalar_t>& op, int64_t group) {
  return uint32_t(group) / uint32_t(op.heads);
}

// The edges and segments of a block's targets.
struct TargetBlock {
  int64_t group;
  int index, first, last;  // targets
  int edge, edge_end, seg, seg_end;

  __device__ TargetBlock(const GraphPlan& graph, const EdgeTasks& tasks, int64_t task) {
    group = uint32_t(task) / tasks.of_group;
    index = int(uint32_t(task) % tasks.of_group);
    first = index * tasks.rows;
    const int num_dst = int(graph.num_dst);
    last = num_dst - first < tasks.rows ? num_dst : first + tasks.rows;
    edge = int(graph.indptr[first]);
    edge_end = int(graph.indptr[last]);
    seg = edge < edge_end ? int(graph.edge_seg[edge]) : 0;
    seg_end = edge < edge_end ? int(graph.edge_seg[edge_end - 1]) + 1 : 0;
  }
};

// sums[p] = sum over the edges e of segment p of number(e) times the source's row, for the loaded
// chunk of a block's segments. A team owns every n-th segment, a lane a vector of columns.
template <bool kFits, typename scalar_t, typename SourceRow>
__device__ void sum_segments(const RelationalForward<scalar_t>& op, const TargetBlock& block,
                             const BlockEdges<acc_t<scalar_t>>& edges,
                             const Window<scalar_t>& window, const SourceRow& source, int k0) {
  using acc = acc_t<scalar_t>;
  const Team team = window.team();
  const int k = k0 + team.lane() * kVector<scalar_t>, in = int(op.in_feats);
  if (k >= in) return;
  scalar_t* to = op.sums + block.group * op.graph.num_segments * op.in_feats + k;
  for (int p = block.seg + team.index(); p < block.seg_end; p += team.count()) {
    acc sum[kVector<scalar_t>] = {};
    const int end = int(op.graph.seg_ptr[p + 1]);
    edges.template for_each<kFits>(
        int(op.graph.seg_ptr[p]), end, source, [&](int e) { return edges.get(e); },
        [&](int, int where, acc number) {
          const Vector<scalar_t> x = window.template at<kFits>(where, k0, team.lane());
#pragma unroll
          for (int i = 0; i < kVector<scalar_t>; ++i) sum[i] += number * x.wide(i);
        });
    store_vector(to + int64_t(p) * in, round_vector<scalar_t>(sum), in - k,
                 in % kVector<scalar_t> == 0);
  }
}

// The rows of a block whose edges' attention adds up to 1: its targets or their segments.
struct SoftmaxRows {
  IndexArray ptr;
  int first, last;

  template <typename scalar_t>
  __device__ SoftmaxRows(const RelationalForward<scalar_t>& op, const TargetBlock& block)
      : ptr(op.within_relation ? op.graph.seg_ptr : op.graph.indptr),
        first(op.within_relation ? block.seg : block.first),
        last(op.within_relation ? block.seg_end : block.last) {}
};

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

// What is known of the biases while a kernel is compiled.
enum class Biased { kNo, kAligned, kUnaligned };
template <bool kBiased, typename Run>
__device__ void with_bias(bool aligned, const Run& run) {
  if constexpr (!kBiased)
    run(std::integral_constant<Biased, Biased::kNo>{});
  else if (aligned)
    run(std::integral_constant<Biased, Biased::kAligned>{});
  else
    run(std::integral_constant<Biased, Biased::kUnaligned>{});
}

// The biases of a group, a row for each relation.
template <typename scalar_t>
struct Bias {
  const scalar_t* rows;
  int width;
  bool aligned;

  __device__ Bias(const RelationalForward<scalar_t>& op, int64_t group)
      : rows(op.bias == nullptr ? nullptr : op.bias + group * op.graph.num_rels * op.attn_feats),
        width(int(op.attn_feats)),
        aligned(is_aligned(rows, width)) {}

  // Columns k .. of relation r, zeros after a row's end.
  template <bool kAligned>
  __device__ Vector<scalar_t> at(int64_t r, int k) const {
    const scalar_t* from = rows + r * width + k;
    return kAligned ? load_whole(from, k < width) : load_vector(from, width - k, false);
  }
  // The same, zeros where there are no biases, for loops that need not hurry.
  __device__ Vector<scalar_t> of(int64_t r, int k) const {
    if (rows == nullptr) return {};
    return aligned ? at<true>(r, k) : at<false>(r, k);
  }
};

// What an edge adds to the gradients by the argument of its activation, t, and by the score vector:
// ds is the gradient by its score.
template <typename Act>
struct ActivationGrad;
template <typename acc>
struct ActivationGrad<LeakyRelu<acc>> {
  static constexpr int kUnroll = 4;  // edges, so that their loads overlap
  acc positive, negative;            // by the argument

  __device__ ActivationGrad(const LeakyRelu<acc>& act, acc ds)
      : positive(ds), negative(act.slope * ds) {}

  // By the argument x + y, whose sign needs no sum.
  __device__ acc by_sum(acc x, acc y) const { return x > -y ? positive : negative; }
  __device__ void add(acc t, acc& by_t, acc& by_score) const {
    const acc ds = t > 0 ? positive : negative;
    by_t += ds;
    by_score += ds * t;
  }
};
template <typename acc>
struct ActivationGrad<SmoothActivation<acc>> {
  static constexpr int kUnroll = 1;  // the functions are long, and hide a load
  const SmoothActivation<acc>& act;
  acc ds;

  __device__ ActivationGrad(const SmoothActivation<acc>& act, acc ds) : act(act), ds(ds) {}

  __device__ acc by_sum(acc x, acc y) const { return ds * act.grad(x + y); }
  __device__ void add(acc t, acc& by_t, acc& by_score) const {
    by_t += ds * act.grad(t);
    by_score += ds * act.value(t);
  }
};

// Calls `launch(activation, whether there is a bias)` with what the kernels are compiled for.
template <typename scalar_t, typename Launch>
cudaError_t with_kernel(const RelationalForward<scalar_t>& op, const Launch& launch) {
  using acc = acc_t<scalar_t>;
  // A thread's next edge, 128 later, has to be an int, too.
  if (op.graph.num_edges > INT32_MAX - kEdgeThreads) return cudaErrorInvalidConfiguration;
  const auto with_activation = [&](auto act) {
    return op.bias == nullptr ? launch(act, std::false_type{}) : launch(act, std::true_type{});
  };
  if (op.activation == Activation::kLeakyRelu)
    return with_activation(LeakyRelu<acc>{acc(op.slope)});
  return with_activation(SmoothActivation<acc>{op.activation});
}

}  // namespace ariigcn
