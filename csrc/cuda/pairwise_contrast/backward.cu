// Pairwise contrast, backward: the similarities again, tile by tile, turned into the derivatives of
// the loss by them, which weigh rows j into the gradient of rows i. Every sum has a fixed order.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cmath>

#include "tile.h"

namespace ariigcn {
namespace {

constexpr int kChunks = 4;  // slabs of columns of the gradient that a block sums up in registers

// Of a row and a kind of pairs: incoming gradients of its sum, of its log-sum-exp (over the
// temperature) and of its penalty, and its log-sum-exp as a base-2 logarithm.
template <typename value_t>
struct alignas(4 * sizeof(value_t)) Factors {
  value_t of_sum, of_exp, of_penalty, lse;
};

// Of a tile of rows, for their positives and negatives.
template <typename value_t>
struct TileFactors {
  Factors<value_t> at[kTile][2];

  // `grad` and `stats` are the group's (kNumStats, size). All threads of the block take part.
  template <typename scalar_t>
  __device__ void read(const ContrastInput<scalar_t>& in, const value_t* grad, const value_t* stats,
                       int64_t first) {
    for (int k = threadIdx.x; k < 2 * kTile; k += kContrastThreads) {
      const int row = k / 2, side = k % 2;
      if (first + row >= in.size) continue;  // it takes part in no pair
      const int64_t i = side * in.size + first + row;
      at[row][side] = {
          grad[kSumPos * in.size + i], grad[kLsePos * in.size + i] * in.inv_temperature,
          grad[kMarginPos * in.size + i], stats[kLsePos * in.size + i] * value_t(kLog2E)};
    }
  }
};

// Derivative of the loss by the similarity s of a pair, which belongs to both of its rows. `scale`
// turns s into the base-2 logarithm of its exponential.
template <typename value_t>
__device__ value_t pair_grad(PairKind kind, value_t s, value_t scale, value_t margin,
                             const Factors<value_t>& i, const Factors<value_t>& j) {
  const value_t x = s * scale;
  const value_t by_lse = i.of_exp * std::exp2(x - i.lse) + j.of_exp * std::exp2(x - j.lse);
  const value_t slope =
      kind == kPositive ? value_t(s > margin) - value_t(s < margin) : value_t(s > value_t(0));
  return i.of_sum + j.of_sum + by_lse + slope * (i.of_penalty + j.of_penalty);
}

template <typename scalar_t>
struct GradTile {
  ContrastTile<scalar_t> pairs;
  TileFactors<acc_t<scalar_t>> rows, columns;
};

// Turns the similarities of the warp's rows with a tile into derivatives.
template <typename Product, typename Tile>
__device__ void differentiate(const ContrastInput<typename Product::scalar_t>& in,
                              const ContrastItem& item, int64_t first,
                              const Identity (&own)[Product::kRows], const Tile& tile,
                              typename Product::template Share<kTile>& s) {
  using value_t = typename Product::value_t;
  const value_t scale = in.inv_temperature * value_t(kLog2E);
#pragma unroll
  for (int r = 0; r < Product::kRows; ++r) {
    const int row = first_row_of_warp() + Product::row(r);
#pragma unroll
    for (int c = 0; c < s.kCount; ++c) {
      const int j = Product::column(c);
      const PairKind kind =
          item.row + row == first + j ? kIgnored : own[r].kind(tile.pairs.identity[j], in.rule);
      const int side = kind == kNegative;
      s(r, c) = kind == kIgnored ? value_t(0)
                                 : pair_grad(kind, s(r, c), scale, in.margin,
                                             tile.rows.at[row][side], tile.columns.at[j][side]);
    }
  }
}

// A block owns a tile of rows i of a group, kChunks slabs of the gradient's columns, and a part of
// the rows j; a warp owns 16 of the rows i.
template <typename Wanted>
__global__ void __launch_bounds__(kContrastThreads)
    grad_kernel(ContrastInput<typename Wanted::scalar_t> in, int64_t chunks, int64_t parts,
                int64_t items, const acc_t<typename Wanted::scalar_t>* grad,
                const acc_t<typename Wanted::scalar_t>* stats,
                acc_t<typename Wanted::scalar_t>* partial) {
  using Product = Supported<Wanted>;
  using scalar_t = typename Product::scalar_t;
  __shared__ GradTile<scalar_t> tile;
  __shared__ typename Product::Scratch scratch[kContrastThreads / kWarpSize];
  for (int64_t index = blockIdx.x; index < items; index += gridDim.x) {
    const ContrastItem item(index, in.size, chunks, parts);
    const auto* z = in.z + item.group * in.size * in.width;
    const int64_t table = item.group * kNumStats * in.size;
    const int64_t first_column = item.chunk * kChunks * kDepth<scalar_t>;
    Identity own[Product::kRows];
    for (int r = 0; r < Product::kRows; ++r)
      own[r] = Identity::of(in, item.group, item.row + first_row_of_warp() + Product::row(r));
    tile.rows.read(in, grad + table, stats + table, item.row);
    typename Product::template Share<kDepth<scalar_t>> out[kChunks];
    for (int64_t first = item.first * kTile; first < item.last * kTile; first += kTile) {
      tile.columns.read(in, grad + table, stats + table, first);
      if (tile.pairs.read_identities(in, item.group, first)) {
        auto s = similarities<Product>(z, in.size, in.width, item.row, first, tile.pairs);
        differentiate<Product>(in, item, first, own, tile, s);
#pragma unroll
        for (int n = 0; n < kChunks; ++n) {
          const int64_t column = first_column + n * kDepth<scalar_t>;
          if (column >= in.width) break;
          __syncthreads();
          fill_slab<Product>(z, in.size, in.width, first, column, tile.pairs.right);
          __syncthreads();
          Product::add_weighted(s, tile.pairs.right, scratch[threadIdx.x / kWarpSize], out[n]);
        }
      }
      __syncthreads();  // the next tile overwrites this one
    }
    auto* to = partial + (item.group * parts + item.part) * in.size * in.width;
#pragma unroll
    for (int n = 0; n < kChunks; ++n)
#pragma unroll
      for (int r = 0; r < Product::kRows; ++r)
#pragma unroll
        for (int c = 0; c < out[n].kCount; ++c) {
          const int64_t i = item.row + first_row_of_warp() + Product::row(r);
          const int64_t k = first_column + n * kDepth<scalar_t> + Product::column(c);
          if (i < in.size && k < in.width) to[i * in.width + k] = out[n](r, c);
        }
  }
}

constexpr int kSumThreads = 128;

// A thread owns an element of the gradient and adds its parts in order.
template <typename scalar_t>
__global__ void sum_kernel(int64_t groups, int64_t count, int64_t parts,
                           const acc_t<scalar_t>* partial, scalar_t* grad_z) {
  const int64_t start = int64_t(blockIdx.x) * kSumThreads + threadIdx.x;
  for (int64_t at = start; at < groups * count; at += int64_t(gridDim.x) * kSumThreads) {
    const acc_t<scalar_t>* part = partial + at / count * parts * count + at % count;
    acc_t<scalar_t> sum = 0;
    for (int64_t p = 0; p < parts; ++p) sum += part[p * count];
    grad_z[at] = scalar_t(sum);
  }
}

template <typename Product>
cudaError_t run(const ContrastInput<typename Product::scalar_t>& in,
                const acc_t<typename Product::scalar_t>* grad,
                const acc_t<typename Product::scalar_t>* stats,
                acc_t<typename Product::scalar_t>* partial, cudaStream_t stream) {
  constexpr int64_t kColumns = kChunks * kDepth<typename Product::scalar_t>;
  const int64_t parts = contrast_parts(in.groups, in.size);
  const int64_t chunks = (in.width + kColumns - 1) / kColumns;
  const int64_t items = in.groups * parts * chunks * ((in.size + kTile - 1) / kTile);
  return launch(items, kContrastThreads, stream, grad_kernel<Product>, in, chunks, parts, items,
                grad, stats, partial);
}

}  // namespace

template <typename scalar_t>
cudaError_t launch_pairwise_contrast_backward(const ContrastInput<scalar_t>& in, bool tf32,
                                              const acc_t<scalar_t>* grad,
                                              const acc_t<scalar_t>* stats,
                                              acc_t<scalar_t>* partial, scalar_t* grad_z,
                                              cudaStream_t stream) {
  const cudaError_t error = with_product<scalar_t>(
      tf32, [&](auto product) { return run<decltype(product)>(in, grad, stats, partial, stream); });
  if (error != cudaSuccess) return error;
  const int64_t count = in.size * in.width;
  return launch((in.groups * count + kSumThreads - 1) / kSumThreads, kSumThreads, stream,
                sum_kernel<scalar_t>, in.groups, count, contrast_parts(in.groups, in.size), partial,
                grad_z);
}

#define INSTANTIATE(scalar_t)                                                               \
  template cudaError_t launch_pairwise_contrast_backward(                                   \
      const ContrastInput<scalar_t>&, bool, const acc_t<scalar_t>*, const acc_t<scalar_t>*, \
      acc_t<scalar_t>*, scalar_t*, cudaStream_t);
INSTANTIATE(float)
INSTANTIATE(double)
INSTANTIATE(__half)
INSTANTIATE(__nv_bfloat16)

}  // namespace ariigcn
