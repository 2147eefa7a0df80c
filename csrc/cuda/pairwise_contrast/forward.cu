// Pairwise contrast, forward: statistics of rows from tiles of similarities, which no one stores,
// and the loss that they make. Every sum has a fixed order; of blocks that share a tile of rows the
// last one to be done merges what all of them found, so that no launch of its own is needed.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "row_stats.h"
#include "tile.h"

namespace ariigcn {
namespace {

using Block = Geometry<1>;  // more columns a warp: less of all that is done once for each row

template <typename scalar_t>
constexpr int kStages = sizeof(scalar_t) == 2 ? 3 : 2;

// On a multiprocessor, by registers. Without tensor cores a lane holds more, and so it does where
// it holds the rests of floats, too.
template <typename Product>
constexpr int kBlocksAtOnce = sizeof(typename Product::scalar_t) == 8 ? 1 : 3;
template <typename scalar_t, Fp32Precision precision>
constexpr int kBlocksAtOnce<MmaProduct<scalar_t, precision>> = kRests<scalar_t, precision> ? 3 : 4;

template <typename value_t>
struct Finish {
  ContrastScratch<value_t> scratch;
  value_t* stats;
  bool makes_loss;
  ContrastLossOutput<value_t> loss;
};

// Whether this block is the last of `count` to call this with the counter. What the others wrote
// before is seen behind it.
__device__ bool is_last(unsigned* counter, int64_t count) {
  __threadfence();  // each thread's own writes, before the block counts as done
  __syncthreads();
  bool last = false;
  if (threadIdx.x == 0) {
    last = atomicAdd(counter, 1u) == unsigned(count - 1);
    __threadfence();
  }
  return __syncthreads_or(last);
}

// The sum over the block's threads, in a fixed order, for thread 0.
template <typename value_t>
__device__ value_t block_sum(value_t value, value_t (&of_warp)[Block::kWarps]) {
  const value_t of_lanes = warp_sum(value);
  __syncthreads();  // the sum before this one has been read
  if (lane() == 0) of_warp[Block::warp()] = of_lanes;
  __syncthreads();
  value_t sum = 0;
  for (const value_t part : of_warp) sum += part;
  return sum;
}

// Merges the parts of a tile's rows, in order: a pair of threads a row, one for each side. Returns
// the term of the row, and whether there is one, in the first of them.
template <typename value_t>
__device__ value_t finish_row(const Finish<value_t>& to, const ContrastItem& item, int64_t size,
                              int64_t parts, value_t& anchor) {
  const int64_t row = item.row + threadIdx.x / 2, side = threadIdx.x % 2;
  const bool exists = threadIdx.x < 2 * kTile && row < size;
  const int64_t pitch = 2 * SideStats<value_t>::kValues * size;
  const value_t* part = to.scratch.partial + item.group * parts * pitch + side * size + row;
  SideStats<value_t> merged;
  for (int64_t p = 0; exists && p < parts; ++p) {
    const auto found = SideStats<value_t>::load(part + p * pitch, size);
    if (p == 0)
      merged = found;
    else
      merged.merge(found);
  }
  const ContrastSide<value_t> own = merged.finished(side != 0);
  const int64_t at = item.group * kNumStats * size + side * size + row;
  if (exists) own.store(to.stats + at, size);
  if (!to.makes_loss) return 0;
  const auto theirs = [](value_t x) { return __shfl_xor_sync(0xffffffffu, x, 1); };
  const ContrastSide<value_t> other{theirs(own.count), theirs(own.sum), theirs(own.lse),
                                    theirs(own.penalty)};
  const auto of = [&](bool mine) {  // by value: what is chosen by address lies in memory
    const auto pick = [&](value_t x, value_t y) { return mine ? x : y; };
    return ContrastSide<value_t>{pick(own.count, other.count), pick(own.sum, other.sum),
                                 pick(own.lse, other.lse), pick(own.penalty, other.penalty)};
  };
  const ContrastSide<value_t> positive = of(side == 0), negative = of(side != 0);
  ContrastSide<value_t> by_positive, by_negative;
  anchor = exists && ContrastTerm<value_t>::is_anchor(positive, negative);
  const value_t term =
      anchor != value_t(0) ? to.loss.term(positive, negative, by_positive, by_negative) : 0;
  if (exists && side == 0) by_positive.store(to.loss.slope + at, size);
  if (exists && side != 0) by_negative.store(to.loss.slope + at, size);
  anchor = side == 0 ? anchor : 0;
  return side == 0 ? term : 0;
}

// The mean over all anchors, by the last block of all.
template <typename value_t>
__device__ void finish_loss(const Finish<value_t>& to, int64_t tiles,
                            value_t (&of_warp)[Block::kWarps]) {
  value_t terms = 0, anchors = 0;
  for (int64_t t = threadIdx.x; t < tiles; t += Block::kThreads) {
    terms += to.scratch.total[2 * t];
    anchors += to.scratch.total[2 * t + 1];
  }
  terms = block_sum(terms, of_warp);
  anchors = block_sum(anchors, of_warp);
  if (threadIdx.x != 0) return;
  *to.loss.anchors = anchors;
  *to.loss.loss = terms / (anchors > value_t(1) ? anchors : value_t(1));
}

template <typename scalar_t, typename value_t>
__device__ void finish_tile(const ContrastInput<scalar_t>& in, const Finish<value_t>& to,
                            const ContrastItem& item, int64_t parts) {
  __shared__ value_t of_warp[Block::kWarps];
  const int64_t tiles = contrast_tiles(in.size);
  const int64_t tile = item.group * tiles + item.row / kTile;
  if (!is_last(to.scratch.counter + tile, parts)) return;
  value_t anchors = 0, terms = finish_row(to, item, in.size, parts, anchors);
  if (!to.makes_loss) return;
  terms = block_sum(terms, of_warp);
  anchors = block_sum(anchors, of_warp);
  if (threadIdx.x == 0) {
    to.scratch.total[2 * tile] = terms;
    to.scratch.total[2 * tile + 1] = anchors;
  }
  if (is_last(to.scratch.counter + in.groups * tiles, in.groups * tiles))
    finish_loss(to, in.groups * tiles, of_warp);
}

// A block owns a tile of rows i of a group, and a part of its rows j.
template <typename Wanted, Exponentials kExponentials>
__global__ void __launch_bounds__(Block::kThreads, kBlocksAtOnce<Supported<Wanted>>)
    stats_kernel(ContrastInput<typename Wanted::scalar_t> in, SlabLayout layout, int64_t parts,
                 int64_t items, Finish<acc_t<typename Wanted::scalar_t>> to) {
  begin_after_previous();
  using Product = Supported<Wanted>;
  using value_t = typename Product::value_t;
  using scalar_t = typename Product::scalar_t;
  __shared__ TileIdentities rows, columns;
  const value_t scale = in.inv_temperature * value_t(kLog2E);
  for (int64_t index = blockIdx.x; index < items; index += gridDim.x) {
    const ContrastItem item(index, in.size, 1, parts);
    SlabStream<Product, Block, kStages<scalar_t>> slabs(in, layout, item, 0, 0);
    const bool rows_fit = !__syncthreads_or(!rows.read(in, item.group, item.row));
    RowStats<value_t> stats[Product::kRows];
    for (auto& of_row : stats) of_row.start(kExponentials == Exponentials::kShifted);
    for (int64_t first = item.first * kTile; first < item.last * kTile; first += kTile) {
      const bool fit = columns.read(in, item.group, first);
      const bool wanted = __syncthreads_or(columns.has_part());
      const bool by_keys = rows_fit && !__syncthreads_or(!fit);
      typename Product::template Share<Block::kColumns> s;
      slabs.add_similarities(wanted, s);
#pragma unroll
      for (int r = 0; wanted && r < Product::kRows; ++r) {
        const RowKinds kinds = kinds_of_row<Product, Block::kColumns>(
            rows, Block::first_row() + Product::row(r), columns, 0, in.kinds, by_keys,
            first == item.row);
        if constexpr (kExponentials == Exponentials::kShifted) stats[r].rescale(s, r, kinds, scale);
        stats[r].template add<kExponentials>(s, r, kinds, scale, in.margin);
      }
      __syncthreads();  // the next tile's identities overwrite these
    }
#pragma unroll
    for (int r = 0; r < Product::kRows; ++r) {
      stats[r].merge_lanes(Product::kLanesPerRow);
      const int64_t i = item.row + Block::first_row() + Product::row(r);
      if (lane() % Product::kLanesPerRow != 0 || i >= in.size) continue;
      const int64_t part = item.group * parts + item.part;
      for (int k = 0; k < 2; ++k)
        stats[r].side[k].store(
            to.scratch.partial + (part * SideStats<value_t>::kValues * 2 + k) * in.size + i,
            in.size);
    }
    finish_tile(in, to, item, parts);
  }
}

template <typename Product, Exponentials kExponentials>
cudaError_t run(const ContrastInput<typename Product::scalar_t>& in,
                const Finish<acc_t<typename Product::scalar_t>>& to, cudaStream_t stream) {
  using scalar_t = typename Product::scalar_t;
  const int64_t parts = contrast_parts(in.groups, in.size);
  const int64_t items = in.groups * parts * contrast_tiles(in.size);
  const SlabLayout layout = slab_layout(in.width, kDepth<scalar_t>);
  return launch_with_shared(items, Block::kThreads,
                            layout.memory(kStages<scalar_t>) * kSlabBytes<scalar_t>, stream,
                            stats_kernel<Product, kExponentials>, in, layout, parts, items, to);
}

}  // namespace

template <typename scalar_t>
cudaError_t launch_pairwise_contrast(const ContrastInput<scalar_t>& in, Fp32Precision precision,
                                     const ContrastScratch<acc_t<scalar_t>>& scratch,
                                     acc_t<scalar_t>* stats,
                                     const ContrastLossOutput<acc_t<scalar_t>>* loss,
                                     cudaStream_t stream) {
  Finish<acc_t<scalar_t>> to{scratch, stats, loss != nullptr, {}};
  if (loss != nullptr) to.loss = *loss;
  return with_product_and_exponentials<scalar_t>(
      precision, in.exponentials, [&](auto product, auto exponentials) {
        return run<decltype(product), exponentials>(in, to, stream);
      });
}

#define INSTANTIATE(scalar_t)                                                                 \
  template cudaError_t launch_pairwise_contrast(                                              \
      const ContrastInput<scalar_t>&, Fp32Precision, const ContrastScratch<acc_t<scalar_t>>&, \
      acc_t<scalar_t>*, const ContrastLossOutput<acc_t<scalar_t>>*, cudaStream_t);
INSTANTIATE(float)
INSTANTIATE(double)
INSTANTIATE(__half)
INSTANTIATE(__nv_bfloat16)

}  // namespace ariigcn
