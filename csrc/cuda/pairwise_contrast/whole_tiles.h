// A block's view of pairs of rows that lie in shared memory as a whole: those of a tile i and of a
// tile j, whose slabs both products read, so that they are copied once.
#pragma once

#include "tile.h"

namespace ariigcn {

// An address that the compiler keeps in a register, instead of computing it anew each time.
template <typename scalar_t>
__device__ scalar_t* kept(scalar_t* at) {
  asm volatile("" : "+l"(at));
  return at;
}

// Whether blocks shall take tiles as a whole. Of such blocks, with 92 KB, two fit on a
// multiprocessor of sm_90, as of others; on one of sm_80 only one does, of others two.
inline bool takes_whole_tiles(const SlabLayout& layout, bool aligned) {
  return aligned && layout.large && layout.resident && layout.slabs >= kResidentSlabs - 1;
}

// Aligned rows of halves that take 3 or 4 slabs. Has the functions of SlabStream, of which a kernel
// calls take_again() for each slab of the tile. While slabs are multiplied for the last time, those
// before them are filled for the next tile.
template <typename Product, typename Geometry>
class WholeTiles {
 public:
  using scalar_t = typename Product::scalar_t;
  static constexpr int kSlabs = kResidentSlabs, kLeastSlabs = kSlabs - 1;

  __device__ WholeTiles(const ContrastInput<scalar_t>& in, const SlabLayout& layout,
                        const ContrastItem& item, int, int)
      : width_(int(in.width)),
        half_(kRowsAtOnce * width_),
        slabs_(layout.slabs),
        tiles_(int(item.last - item.first)) {
    const int row = threadIdx.x / kVectors, column = threadIdx.x % kVectors * kVector<scalar_t>;
    auto* memory = reinterpret_cast<scalar_t*>(dynamic_shared());
    const scalar_t* group = in.z + item.group * in.size * in.width;
    to_ = memory + row * kStride<scalar_t> + column;
    columns_ = width_ - column;
    __syncthreads();  // the item before this one is done with the memory
    point_to(group, item.row, in.size);
    for (int n = 0; n < kSlabs; ++n) send(n);
    to_ = kept(to_ + kSlabs * kSlab);
    point_to(group, item.first * kTile, in.size);
    for (int n = 0; n < slabs_ - 1; ++n) send(n);
    left_ = kept(memory + Geometry::first_row() * kStride<scalar_t> + Product::left_offset());
    memory += kSlabs * kSlab;
    right_ = kept(memory + Geometry::first_column() * kStride<scalar_t> + Product::right_offset());
    again_ = kept(memory + Geometry::part() * kGradColumns<scalar_t> + Product::weighted_offset());
  }

  // Similarities of the warp's rows i with its rows j of the next tile; nothing if not `wanted`.
  // All threads of the block call it, and are done with the tile before.
  __device__ void add_similarities(bool wanted,
                                   typename Product::template Share<Geometry::kColumns>& s) {
    if (slabs_ < kSlabs) send(kSlabs - 2);
    send(kSlabs - 1);
    --tiles_;
    from_ += int64_t(kTile) * width_;
    rows_ -= kTile;
    wait_for_copies<1>();
    __syncthreads();
#pragma unroll
    for (int n = 0; n < kSlabs; ++n) {
      if (n == kSlabs - 1) {
        wait_for_copies<0>();
        __syncthreads();
      }
      if (wanted && (n < kLeastSlabs || n < slabs_))
        Product::add_similarities(left_ + n * kSlab, right_ + n * kSlab, s);
    }
  }

  // Where this lane's part of slab `n` begins, as Product::add_weighted reads it. All threads of
  // the block call it, and what they wrote before the first call is known behind that.
  __device__ const scalar_t* take_again(int n) {
    __syncthreads();
    if (n > 0) send(n - 1);
    __syncwarp();  // products want lanes together, which are so but for what compilers may do
    return again_ + n * kSlab;
  }

 private:
  static constexpr int kSlab = kTile * kStride<scalar_t>;
  static constexpr int kVectors = kDepth<scalar_t> / kVector<scalar_t>;
  static constexpr int kRowsAtOnce = Geometry::kThreads / kVectors;
  static_assert(kRowsAtOnce * 2 == kTile);

  __device__ void point_to(const scalar_t* group, int64_t row, int64_t size) {
    row += threadIdx.x / kVectors;
    rows_ = int(size - row);
    from_ = group + row * width_ + threadIdx.x % kVectors * kVector<scalar_t>;
  }

  // Sends slab `n` of the next tile as one group of copies, which is empty behind the last tile.
  __device__ void send(int n) {
    if (tiles_ > 0) {
      const int rows = n < kLeastSlabs - 1 || n * kDepth<scalar_t> < columns_ ? rows_ : 0;
      scalar_t* to = to_ + n * kSlab;
      const scalar_t* from = from_ + n * kDepth<scalar_t>;
      begin_copy(to, from, rows > 0);
      begin_copy(to + kRowsAtOnce * kStride<scalar_t>, from + half_, rows > kRowsAtOnce);
    }
    commit_copies();
  }

  const scalar_t* from_;  // this thread's first copy of the next tile
  scalar_t *to_, *left_, *right_, *again_;
  int width_, half_, slabs_, tiles_, rows_, columns_;
};

}  // namespace ariigcn
