// Pairwise contrast, forward: statistics of rows from tiles of similarities, which no one stores.
// Every sum has a fixed order.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cmath>

#include "tile.h"

namespace ariigcn {
namespace {

// log2 sum exp2 of values at any magnitude: largest + log2(total).
template <typename value_t>
struct LogSumExp {
  value_t largest = -kInfinity<value_t>, total = 0;

  // Values may be as large as `x` from now on.
  __device__ void rescale(value_t x) {
    if (!(x > largest)) return;
    total *= std::exp2(largest - x);
    largest = x;
  }
  __device__ void add(value_t x) { total += std::exp2(x - largest); }

  __device__ void merge(const LogSumExp& other) {
    rescale(other.largest);
    if (other.total != value_t(0)) total += other.total * std::exp2(other.largest - largest);
  }
};

// Statistics of a row over some of its positives, or negatives.
template <typename value_t>
struct SideStats {
  value_t count = 0, sum = 0, penalty = 0;
  LogSumExp<value_t> lse;

  __device__ void merge(const SideStats& other) {
    count += other.count;
    sum += other.sum;
    penalty += other.penalty;
    lse.merge(other.lse);
  }

  // The statistics of lane `lane() ^ mask`.
  __device__ SideStats of_lane(int mask) const {
    const auto theirs = [&](value_t x) { return __shfl_xor_sync(0xffffffffu, x, mask); };
    SideStats other;
    other.count = theirs(count);
    other.sum = theirs(sum);
    other.penalty = theirs(penalty);
    other.lse.largest = theirs(lse.largest);
    other.lse.total = theirs(lse.total);
    return other;
  }

  // Of a row of (kNumPartialStats, size): `at` is its first, of this side.
  __device__ void store(value_t* at, int64_t size) const {
    const value_t values[] = {count, sum, penalty, lse.largest, lse.total};
    for (int k = 0; k < kNumPartialStats / 2; ++k) at[2 * k * size] = values[k];
  }
  __device__ static SideStats load(const value_t* at, int64_t size) {
    SideStats side;
    side.count = at[0];
    side.sum = at[2 * size];
    side.penalty = at[4 * size];
    side.lse.largest = at[6 * size];
    side.lse.total = at[8 * size];
    return side;
  }
};

// The lane's part of a row's pairs with a tile: kinds as two sets of columns.
struct Pairs {
  uint32_t of_side[2] = {0, 0};
  __device__ bool has(int side, int c) const { return of_side[side] >> c & 1; }
};

template <typename value_t>
struct RowStats {
  SideStats<value_t> side[2];  // positives, negatives

  // `scale` turns similarities into the base-2 logarithms of what is summed.
  template <typename Share>
  __device__ void add(const Share& s, int r, const Pairs& pairs, value_t scale, value_t margin) {
    value_t largest[] = {-kInfinity<value_t>, -kInfinity<value_t>};
#pragma unroll
    for (int c = 0; c < Share::kCount; ++c)
#pragma unroll
      for (int k = 0; k < 2; ++k)
        if (pairs.has(k, c) && s(r, c) * scale > largest[k]) largest[k] = s(r, c) * scale;
    for (int k = 0; k < 2; ++k) side[k].lse.rescale(largest[k]);
#pragma unroll
    for (int c = 0; c < Share::kCount; ++c) {
      const value_t x = s(r, c);
      if (pairs.has(0, c)) add_pair(side[0], x, scale, x < margin ? margin - x : x - margin);
      if (pairs.has(1, c)) add_pair(side[1], x, scale, x < value_t(0) ? value_t(0) : x);
    }
  }

  __device__ void merge_lanes(int lanes) {
    for (int mask = 1; mask < lanes; mask *= 2)
      for (int k = 0; k < 2; ++k) side[k].merge(side[k].of_lane(mask));
  }

 private:
  __device__ static void add_pair(SideStats<value_t>& to, value_t x, value_t scale,
                                  value_t penalty) {
    to.count += 1;
    to.sum += x;
    to.penalty += penalty;
    to.lse.add(x * scale);
  }
};

template <typename Product>
__device__ Pairs pairs_of_row(const Identity& own, int64_t i, const Identity* others, int64_t first,
                              const PairRule& rule) {
  Pairs pairs;
#pragma unroll
  for (int c = 0; c < Product::template Share<kTile>::kCount; ++c) {
    const int j = Product::column(c);
    const PairKind kind = i == first + j ? kIgnored : own.kind(others[j], rule);
    pairs.of_side[0] |= uint32_t(kind == kPositive) << c;
    pairs.of_side[1] |= uint32_t(kind == kNegative) << c;
  }
  return pairs;
}

// A block owns a tile of rows i of a group, and a part of its rows j; a warp owns 16 of the rows i.
template <typename Wanted>
__global__ void __launch_bounds__(kContrastThreads)
    stats_kernel(ContrastInput<typename Wanted::scalar_t> in, int64_t parts, int64_t items,
                 acc_t<typename Wanted::scalar_t>* partial) {
  using Product = Supported<Wanted>;
  using value_t = typename Product::value_t;
  __shared__ ContrastTile<typename Product::scalar_t> tile;
  const value_t scale = in.inv_temperature * value_t(kLog2E);
  for (int64_t index = blockIdx.x; index < items; index += gridDim.x) {
    const ContrastItem item(index, in.size, 1, parts);
    const auto* z = in.z + item.group * in.size * in.width;
    const int64_t first_row = item.row + first_row_of_warp();
    Identity own[Product::kRows];
    RowStats<value_t> stats[Product::kRows];
    for (int r = 0; r < Product::kRows; ++r)
      own[r] = Identity::of(in, item.group, first_row + Product::row(r));
    for (int64_t first = item.first * kTile; first < item.last * kTile; first += kTile) {
      if (tile.read_identities(in, item.group, first)) {
        const auto s = similarities<Product>(z, in.size, in.width, item.row, first, tile);
#pragma unroll
        for (int r = 0; r < Product::kRows; ++r) {
          const int64_t i = first_row + Product::row(r);
          const Pairs pairs = pairs_of_row<Product>(own[r], i, tile.identity, first, in.rule);
          stats[r].add(s, r, pairs, scale, in.margin);
        }
      }
      __syncthreads();  // the next tile overwrites this one
    }
#pragma unroll
    for (int r = 0; r < Product::kRows; ++r) {
      stats[r].merge_lanes(Product::kLanesPerRow);
      const int64_t i = first_row + Product::row(r);
      if (lane() % Product::kLanesPerRow != 0 || i >= in.size) continue;
      const int64_t table = (item.group * parts + item.part) * kNumPartialStats * in.size;
      for (int k = 0; k < 2; ++k)
        stats[r].side[k].store(partial + table + k * in.size + i, in.size);
    }
  }
}

constexpr int kMergeThreads = 128;

// A thread owns a row and a side (positives, negatives): it merges their parts in order.
template <typename value_t>
__global__ void merge_kernel(int64_t groups, int64_t size, int64_t parts, const value_t* partial,
                             value_t* stats) {
  const int64_t start = int64_t(blockIdx.x) * kMergeThreads + threadIdx.x;
  for (int64_t at = start; at < groups * 2 * size; at += int64_t(gridDim.x) * kMergeThreads) {
    const int64_t group = at / (2 * size), of_group = at % (2 * size);  // side * size + row
    const value_t* part = partial + group * parts * kNumPartialStats * size + of_group;
    SideStats<value_t> side;
    for (int64_t p = 0; p < parts; ++p)
      side.merge(SideStats<value_t>::load(part + p * kNumPartialStats * size, size));
    const value_t lse = (side.lse.largest + std::log2(side.lse.total)) * value_t(kLn2);
    value_t* out = stats + group * kNumStats * size + of_group;
    out[kCountPos * size] = side.count;
    out[kSumPos * size] = side.sum;
    out[kLsePos * size] = side.count == value_t(0) ? value_t(0) : lse;
    out[kMarginPos * size] = side.penalty;
  }
}

template <typename Product>
cudaError_t run(const ContrastInput<typename Product::scalar_t>& in,
                acc_t<typename Product::scalar_t>* partial, cudaStream_t stream) {
  const int64_t parts = contrast_parts(in.groups, in.size);
  const int64_t items = in.groups * parts * ((in.size + kTile - 1) / kTile);
  return launch(items, kContrastThreads, stream, stats_kernel<Product>, in, parts, items, partial);
}

}  // namespace

template <typename scalar_t>
cudaError_t launch_pairwise_contrast(const ContrastInput<scalar_t>& in, bool tf32,
                                     acc_t<scalar_t>* partial, acc_t<scalar_t>* stats,
                                     cudaStream_t stream) {
  const cudaError_t error = with_product<scalar_t>(
      tf32, [&](auto product) { return run<decltype(product)>(in, partial, stream); });
  if (error != cudaSuccess) return error;
  const int64_t blocks = (in.groups * 2 * in.size + kMergeThreads - 1) / kMergeThreads;
  return launch(blocks, kMergeThreads, stream, merge_kernel<acc_t<scalar_t>>, in.groups, in.size,
                contrast_parts(in.groups, in.size), partial, stats);
}

#define INSTANTIATE(scalar_t)                                                         \
  template cudaError_t launch_pairwise_contrast(const ContrastInput<scalar_t>&, bool, \
                                                acc_t<scalar_t>*, acc_t<scalar_t>*, cudaStream_t);
INSTANTIATE(float)
INSTANTIATE(double)
INSTANTIATE(__half)
INSTANTIATE(__nv_bfloat16)

}  // namespace ariigcn
