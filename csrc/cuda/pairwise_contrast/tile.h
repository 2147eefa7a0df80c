// A block's view of the pairs: a tile of rows i, of which each warp owns 16, and tiles of rows j.
#pragma once

#include "../launch.h"
#include "launchers.h"
#include "product.h"

namespace ariigcn {

constexpr int kContrastThreads = kTile / kWarpRows * kWarpSize;
static_assert(kTile == kContrastTile);

// What a block works on: rows i of one tile with the rows j of tiles first..last - 1.
struct ContrastItem {
  int64_t group, part, chunk, row, first, last;

  // `index` counts rows' tiles, then chunks of columns, then parts, then groups.
  __device__ ContrastItem(int64_t index, int64_t size, int64_t chunks, int64_t parts) {
    const int64_t tiles = (size + kTile - 1) / kTile;
    row = index % tiles * kTile;
    chunk = index / tiles % chunks;
    part = index / tiles / chunks % parts;
    group = index / tiles / chunks / parts;
    first = tiles * part / parts;
    last = tiles * (part + 1) / parts;
  }
};

struct Identity {
  int64_t label, modality, utterance;

  // Rows that do not exist, like those with a negative label, take part in no pair.
  template <typename scalar_t>
  __device__ static Identity of(const ContrastInput<scalar_t>& in, int64_t group, int64_t row) {
    if (row >= in.size) return {-1, 0, 0};
    const int64_t at = group * in.size + row;
    return {in.label[at], in.modality[at], in.utterance[at]};
  }

  __device__ bool takes_part() const { return label >= 0; }

  __device__ PairKind kind(const Identity& other, const PairRule& rule) const {
    if (!takes_part() || !other.takes_part()) return kIgnored;
    return rule.kind(label == other.label, modality == other.modality,
                     utterance == other.utterance);
  }
};

// The slabs whose rows are multiplied, and the identities of rows j. Shared memory of a block.
template <typename scalar_t>
struct ContrastTile {
  alignas(16) scalar_t left[kTile * kStride<scalar_t>], right[kTile * kStride<scalar_t>];
  Identity identity[kTile];

  // Reads the identities of the tile from row `first` on; whether any row takes part.
  __device__ bool read_identities(const ContrastInput<scalar_t>& in, int64_t group, int64_t first) {
    bool any = false;
    for (int j = threadIdx.x; j < kTile; j += kContrastThreads) {
      identity[j] = Identity::of(in, group, first + j);
      any |= identity[j].takes_part();
    }
    return __syncthreads_or(any);
  }
};

// Fills a slab with columns column.. of rows first.. of `z` (size, width), and zeros beyond.
template <typename Product>
__device__ void fill_slab(const typename Product::scalar_t* z, int64_t size, int64_t width,
                          int64_t first, int64_t column, typename Product::scalar_t* slab) {
  using scalar_t = typename Product::scalar_t;
  constexpr int kCount = kDepth<scalar_t> / kVector<scalar_t>;
  const bool aligned = is_aligned(z, width);
  for (int v = threadIdx.x; v < kTile * kCount; v += kContrastThreads) {
    const int64_t row = first + v / kCount, k = column + v % kCount * kVector<scalar_t>;
    const int64_t count = row < size ? width - k : 0;
    Vector<scalar_t> value = load_vector(z + row * width + k, count, aligned);
#pragma unroll
    for (int e = 0; e < kVector<scalar_t>; ++e) value.set(e, Product::staged(value[e]));
    scalar_t* to = slab + v / kCount * kStride<scalar_t> + v % kCount * kVector<scalar_t>;
    store_vector(to, value, kVector<scalar_t>, true);
  }
}

__device__ inline int first_row_of_warp() { return threadIdx.x / kWarpSize * kWarpRows; }

// Similarities of the warp's 16 rows i with a tile of rows j. All threads of the block must call
// it, and wait before they change the slabs again.
template <typename Product>
__device__ auto similarities(const typename Product::scalar_t* z, int64_t size, int64_t width,
                             int64_t row, int64_t column,
                             ContrastTile<typename Product::scalar_t>& tile) {
  using scalar_t = typename Product::scalar_t;
  typename Product::template Share<kTile> s;
  for (int64_t k = 0; k < width; k += kDepth<scalar_t>) {
    __syncthreads();
    fill_slab<Product>(z, size, width, row, k, tile.left);
    fill_slab<Product>(z, size, width, column, k, tile.right);
    __syncthreads();
    Product::add_similarities(tile.left + first_row_of_warp() * kStride<scalar_t>, tile.right, s);
  }
  return s;
}

}  // namespace ariigcn
