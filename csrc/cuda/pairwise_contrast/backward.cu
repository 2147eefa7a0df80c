// Pairwise contrast, backward: the similarities again, tile by tile, turned into the derivatives of
// the loss by them, which weigh rows j into the gradient of rows i. Every sum has a fixed order.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "exponential.h"
#include "pair_kind.h"
#include "tile.h"
#include "whole_tiles.h"

namespace ariigcn {
namespace {

using Block = Geometry<2>;  // registers for the gradient of 16 rows leave no room for all columns
constexpr int kChunks = 4;  // slabs of columns of the gradient that a block sums up in registers
static_assert(kChunks >= kResidentSlabs, "whole tiles count slabs from the first of a row");
template <typename scalar_t>
constexpr int kStages = sizeof(scalar_t) == 8 ? 1 : 2;  // with weights of doubles no more fits

// On a multiprocessor; the memory of one that has no tensor cores holds one block.
template <typename scalar_t>
constexpr int kBlocksAtOnce = sizeof(scalar_t) == 8 || !kTensorCores ? 1 : 2;

// Of a row, for its positives and its negatives: incoming gradients of their sum, of their
// log-sum-exp (over the temperature) and of their penalty. Exponentials either have a shift, the
// log-sum-exp as a base-2 logarithm, or it is in `of_exp` already.
template <typename value_t>
struct alignas(16) Factors {
  value_t of_exp[2], of_sum[2], of_penalty[2], shift[2];
};

// Of a tile of rows. Shared memory of a block.
template <typename value_t>
struct TileFactors {
  Factors<value_t> at[kTile];

  // `grad` and `stats` are the group's (kNumStats, size); gradients are multiplied by `unit`.
  template <Exponentials kExponentials, typename scalar_t>
  __device__ void read(const ContrastInput<scalar_t>& in, const value_t* grad, const value_t* stats,
                       int64_t first, value_t unit) {
    const int row = threadIdx.x / 2, side = threadIdx.x % 2;
    if (row >= kTile || first + row >= in.size) return;  // it takes part in no pair
    const int64_t i = side * in.size + first + row;
    at[row].of_sum[side] = grad[kSumPos * in.size + i] * unit;
    at[row].of_penalty[side] = grad[kMarginPos * in.size + i] * unit;
    if constexpr (kExponentials == Exponentials::kNone) return;
    const value_t lse = stats[kLsePos * in.size + i] * value_t(kLog2E);
    const value_t of_exp = grad[kLsePos * in.size + i] * in.inv_temperature * unit;
    const bool shifted = kExponentials == Exponentials::kShifted;
    at[row].of_exp[side] = shifted ? of_exp : of_exp * std::exp2(-lse);
    at[row].shift[side] = lse;
  }

  // By 16 bytes: left to itself the compiler reads single values, for each pair those of its kind.
  __device__ Factors<value_t> load(int row) const {
    Factors<value_t> factors;
    const auto* from = reinterpret_cast<const Vector<value_t>*>(&at[row]);
#pragma unroll
    for (int v = 0; v < int(sizeof(factors) / 16); ++v) {
      const Vector<value_t> part = from[v];
      std::memcpy(reinterpret_cast<char*>(&factors) + 16 * v, &part, 16);
    }
    return factors;
  }
};

// Derivative of the loss by the similarity s of a pair, which belongs to both of its rows. `scale`
// turns s into the base-2 logarithm of its exponential.
template <Exponentials kExponentials, typename value_t>
__device__ value_t pair_grad(bool positive, bool negative, value_t s, value_t scale, value_t margin,
                             const Factors<value_t>& i, const Factors<value_t>& j) {
  const auto of_kind = [&](const value_t(&of_i)[2], const value_t(&of_j)[2]) {
    return negative ? of_i[1] + of_j[1] : of_i[0] + of_j[0];
  };
  const auto own = [&](const value_t(&of)[2]) { return negative ? of[1] : of[0]; };
  value_t grad = of_kind(i.of_sum, j.of_sum);
  if constexpr (kExponentials == Exponentials::kShifted) {
    grad += own(i.of_exp) * exp2_or_zero(s * scale - own(i.shift));
    grad += own(j.of_exp) * exp2_or_zero(s * scale - own(j.shift));
  } else if constexpr (kExponentials == Exponentials::kPlain) {
    grad += exp2_or_zero(s * scale) * of_kind(i.of_exp, j.of_exp);
  }
  const value_t by_penalty = of_kind(i.of_penalty, j.of_penalty);
  const value_t target = negative ? value_t(0) : margin;
  if (s > target) grad += by_penalty;
  if (positive && s < target) grad -= by_penalty;
  return positive || negative ? grad : value_t(0);
}

// Turns similarities into derivatives; `row` and `column` are the warp's first in their tiles.
template <typename Product, Exponentials kExponentials>
__device__ void differentiate(const ContrastInput<typename Product::scalar_t>& in,
                              const RowKinds (&kinds)[Product::kRows],
                              const TileFactors<typename Product::value_t>& rows, int row,
                              const TileFactors<typename Product::value_t>& columns, int column,
                              typename Product::template Share<Block::kColumns>& s) {
  using value_t = typename Product::value_t;
  const value_t scale = in.inv_temperature * value_t(kLog2E), margin = in.margin;
  Factors<value_t> of_row[Product::kRows];
#pragma unroll
  for (int r = 0; r < Product::kRows; ++r) of_row[r] = rows.load(row + Product::row(r));
#pragma unroll
  for (int c = 0; c < s.kCount; ++c) {
    const Factors<value_t> of_column = columns.load(column + Product::column(c));
#pragma unroll
    for (int r = 0; r < Product::kRows; ++r)
      s(r, c) =
          pair_grad<kExponentials>(kinds[r].is_one(kPositive, c), kinds[r].is_one(kNegative, c),
                                   s(r, c), scale, margin, of_row[r], of_column);
  }
}

// A power of two that brings the largest weight of a group's pairs, which is at most twice the
// largest sum of a row's factors, below 2^15: exponentials are shares of their sum. All threads of
// the block call it.
template <typename scalar_t, typename value_t>
__device__ value_t weight_scale(const ContrastInput<scalar_t>& in, const value_t* grad) {
  __shared__ value_t of_warp[Block::kWarps];
  value_t largest = 0;
  for (int64_t at = threadIdx.x; at < 2 * in.size; at += Block::kThreads) {
    const value_t sum = std::abs(grad[kSumPos * in.size + at]) +
                        std::abs(grad[kLsePos * in.size + at]) * in.inv_temperature +
                        std::abs(grad[kMarginPos * in.size + at]);
    if (sum > largest) largest = sum;
  }
  largest = warp_max(largest);
  if (lane() == 0) of_warp[Block::warp()] = largest;
  __syncthreads();
  for (const value_t other : of_warp)
    if (other > largest) largest = other;
  int exponent = 0;
  std::frexp(largest, &exponent);  // largest < 2^exponent
  return largest > 0 && largest < kInfinity<value_t> ? std::exp2(value_t(14 - exponent)) : 1;
}

// How a block gets at the rows of its pairs.
template <typename Product, bool kWhole>
struct TilesOf {
  using type = SlabStream<Product, Block, kStages<typename Product::scalar_t>>;
};
template <typename scalar_t, Fp32Precision precision>
struct TilesOf<MmaProduct<scalar_t, precision>, true> {
  using type = WholeTiles<MmaProduct<scalar_t, precision>, Block>;
};
template <typename Product, bool kWhole>
using Tiles = typename TilesOf<Product, kWhole>::type;

// A block owns a tile of rows i of a group, kChunks slabs of the gradient's columns, and a part of
// the rows j. Weights pass from those who computed them to all who need them through shared memory.
template <typename Wanted, Exponentials kExponentials, bool kWhole>
__global__ void __launch_bounds__(Block::kThreads, kBlocksAtOnce<typename Wanted::scalar_t>)
    grad_kernel(ContrastInput<typename Wanted::scalar_t> in, SlabLayout layout, int64_t chunks,
                int64_t parts, int64_t items, const acc_t<typename Wanted::scalar_t>* grad,
                const acc_t<typename Wanted::scalar_t>* stats,
                acc_t<typename Wanted::scalar_t>* partial) {
  begin_after_previous();
  using Product = Supported<Wanted>;
  using scalar_t = typename Product::scalar_t;
  using value_t = typename Product::value_t;
  __shared__ TileIdentities rows, columns;
  __shared__ TileFactors<value_t> of_rows, of_columns;
  __shared__ value_t unit;
  alignas(16) __shared__ typename Product::weight_t weight[kTile * Product::kWeightStride];
  for (int64_t index = blockIdx.x; index < items; index += gridDim.x) {
    const ContrastItem item(index, in.size, chunks, parts);
    const int64_t table = item.group * kNumStats * in.size;
    const int first_slab = int(item.chunk) * kChunks;
    const int left = layout.slabs - first_slab, slabs_of_chunk = left < kChunks ? left : kChunks;
    Tiles<Product, kWhole> slabs(in, layout, item, slabs_of_chunk, first_slab * kDepth<scalar_t>);
    const bool rows_fit = !__syncthreads_or(!rows.read(in, item.group, item.row));
    const value_t scale = Product::kScalesWeights ? weight_scale(in, grad + table) : value_t(1);
    if (threadIdx.x == 0) unit = scale;  // a register more would be one too many
    __syncthreads();
    of_rows.template read<kExponentials>(in, grad + table, stats + table, item.row, unit);
    const int warp_row = Block::first_row(), warp_column = Block::first_column();
    auto* weights = weight + warp_row * Product::kWeightStride;  // of the warp's rows
    typename Product::template Share<kGradColumns<scalar_t>> out[kChunks];
    for (int64_t first = item.first * kTile; first < item.last * kTile; first += kTile) {
      const bool fit = columns.read(in, item.group, first);
      of_columns.template read<kExponentials>(in, grad + table, stats + table, first, unit);
      const bool wanted = __syncthreads_or(columns.has_part());
      const bool by_keys = rows_fit && !__syncthreads_or(!fit);
      typename Product::template Share<Block::kColumns> s;
      slabs.add_similarities(wanted, s);
      if (wanted) {
        RowKinds kinds[Product::kRows];
#pragma unroll
        for (int r = 0; r < Product::kRows; ++r)
          kinds[r] = kinds_of_row<Product, Block::kColumns>(rows, warp_row + Product::row(r),
                                                            columns, warp_column, in.kinds, by_keys,
                                                            first == item.row);
        differentiate<Product, kExponentials>(in, kinds, of_rows, warp_row, of_columns, warp_column,
                                              s);
      }
      Product::store_weights(s, weights + warp_column + Product::stored_offset());
#pragma unroll
      for (int n = 0; n < kChunks; ++n) {
        if (n >= slabs_of_chunk) break;
        const scalar_t* slab = slabs.take_again(n);  // its barrier makes the weights known, too
        if (wanted) Product::add_weighted(weights + Product::weight_offset(), slab, out[n]);
      }
      __syncthreads();  // the next tile overwrites identities, factors and weights
    }
    const value_t back =
        Product::kScalesWeights ? 1 / unit : value_t(1);  // exact, of a power of two
    auto* to = partial + (item.group * parts + item.part) * in.size * in.width;
#pragma unroll
    for (int n = 0; n < kChunks; ++n)
#pragma unroll
      for (int r = 0; r < Product::kRows; ++r)
#pragma unroll
        for (int c = 0; c < out[n].kCount; ++c) {
          const int64_t i = item.row + warp_row + Product::row(r);
          const int64_t k = int64_t(first_slab + n) * kDepth<scalar_t> +
                            Block::part() * kGradColumns<scalar_t> + Product::column(c);
          if (i < in.size && k < in.width) to[i * in.width + k] = out[n](r, c) * back;
        }
  }
}

// What is launched, and where its results go.
template <typename scalar_t>
struct Gradient {
  const ContrastInput<scalar_t>& in;
  const acc_t<scalar_t>*grad, *stats;
  acc_t<scalar_t>* partial;
  cudaStream_t stream;

  template <typename Product, Exponentials kExponentials, bool kWhole>
  cudaError_t launch(const SlabLayout& layout, int slabs_of_memory) const {
    const int64_t parts = contrast_parts(in.groups, in.size);
    const int64_t chunks = (layout.slabs + kChunks - 1) / kChunks;
    const int64_t items = in.groups * parts * chunks * contrast_tiles(in.size);
    return launch_with_shared(items, Block::kThreads, slabs_of_memory * kSlabBytes<scalar_t>,
                              stream, grad_kernel<Product, kExponentials, kWhole>, in, layout,
                              chunks, parts, items, grad, stats, partial);
  }

  template <typename Product, Exponentials kExponentials>
  cudaError_t run() const {
    const SlabLayout layout = slab_layout(in.width, kDepth<scalar_t>);
    // With shifts registers do not suffice.
    if constexpr (sizeof(scalar_t) == 2 && kExponentials != Exponentials::kShifted)
      if (takes_whole_tiles(layout, is_aligned(in.z, in.width)))
        return launch<Product, kExponentials, true>(layout, 2 * kResidentSlabs);
    return launch<Product, kExponentials, false>(layout, layout.memory(kStages<scalar_t>));
  }
};

}  // namespace

template <typename scalar_t>
cudaError_t launch_pairwise_contrast_backward(const ContrastInput<scalar_t>& in,
                                              Fp32Precision precision, const acc_t<scalar_t>* grad,
                                              const acc_t<scalar_t>* stats,
                                              acc_t<scalar_t>* partial, cudaStream_t stream) {
  const Gradient<scalar_t> gradient{in, grad, stats, partial, stream};
  return with_product_and_exponentials<scalar_t>(
      precision, in.exponentials, [&](auto product, auto exponentials) {
        return gradient.template run<decltype(product), exponentials>();
      });
}

#define INSTANTIATE(scalar_t)                                                \
  template cudaError_t launch_pairwise_contrast_backward(                    \
      const ContrastInput<scalar_t>&, Fp32Precision, const acc_t<scalar_t>*, \
      const acc_t<scalar_t>*, acc_t<scalar_t>*, cudaStream_t);
INSTANTIATE(float)
INSTANTIATE(double)
INSTANTIATE(__half)
INSTANTIATE(__nv_bfloat16)

}  // namespace ariigcn
