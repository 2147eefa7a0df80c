// A block's view of the pairs: a tile of rows i and tiles of rows j. Of a tile of pairs a warp has
// 16 rows, and all columns or an equal part of them.
#pragma once

#ifdef __CUDACC__
#include "../async_copy.h"
#else
#include <async_copy.h>  // of the emulator
#endif
#include "../dynamic_shared.h"
#include "../launch.h"
#include "launchers.h"
#include "product.h"

namespace ariigcn {

static_assert(kTile == kContrastTile);

template <int kWarpsPerRow>
struct Geometry {
  static constexpr int kWarps = kTile / kWarpRows * kWarpsPerRow, kThreads = kWarps * kWarpSize;
  static constexpr int kColumns = kTile / kWarpsPerRow;

  __device__ static int warp() { return threadIdx.x / kWarpSize; }
  __device__ static int first_row() { return warp() / kWarpsPerRow * kWarpRows; }
  __device__ static int part() { return warp() % kWarpsPerRow; }
  __device__ static int first_column() { return part() * kColumns; }
};

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

// How the slabs of a launch lie in dynamic shared memory.
struct SlabLayout {
  int slabs;      // that the width of a row takes
  bool resident;  // the slabs of rows i stay there, instead of coming with those of rows j
  bool large;     // it may be all that a block of sm_90 and later has

  // Slabs that a SlabStream of `stages` needs memory for.
  int memory(int stages) const { return stages + (resident ? slabs : stages); }
};
constexpr int kResidentSlabs = 4;  // 256 halves a row, 36 KB a block: two of them fit on sm_80

template <typename scalar_t>
constexpr int kSlabBytes = kTile * kStride<scalar_t> * int(sizeof(scalar_t));

inline SlabLayout slab_layout(int64_t width, int64_t depth) {
  const int64_t slabs = std::max<int64_t>(1, (width + depth - 1) / depth);
  int device = 0, major = 0;  // before sm_80 a block has 64 KB, which stages and weights take
  const bool known =
      cudaGetDevice(&device) == cudaSuccess &&
      cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device) == cudaSuccess;
  return {int(slabs), known && major >= 8 && slabs <= kResidentSlabs, known && major >= 9};
}

template <Exponentials kExponentials>
using Exponent = std::integral_constant<Exponentials, kExponentials>;

// Calls `run` with a value of the way to multiply, and with what to do about exponentials: those of
// doubles are always shifted, as nobody waits for them.
template <typename scalar_t, typename Run>
cudaError_t with_product_and_exponentials(Fp32Precision precision, Exponentials exponentials,
                                          const Run& run) {
  return with_product<scalar_t>(precision, [&](auto product) {
    if constexpr (sizeof(scalar_t) < 8) {
      if (exponentials == Exponentials::kNone) return run(product, Exponent<Exponentials::kNone>{});
      if (exponentials == Exponentials::kPlain)
        return run(product, Exponent<Exponentials::kPlain>{});
    }
    return run(product, Exponent<Exponentials::kShifted>{});
  });
}

// A value that the compiler keeps in a register, instead of computing it anew in each loop.
__device__ inline int kept(int value) {
  asm volatile("" : "+r"(value));
  return value;
}

// Slabs in the order in which a block multiplies them: for each tile of rows j those of the
// similarities, then `again` ones from column `column` on. While one is multiplied, the next
// kStages - 1 are on their way.
template <typename Product, typename Geometry, int kStages>
class SlabStream {
 public:
  using scalar_t = typename Product::scalar_t;

  __device__ SlabStream(const ContrastInput<scalar_t>& in, const SlabLayout& layout,
                        const ContrastItem& item, int again, int column)
      : z_(in.z + item.group * in.size * in.width),
        width_(in.width),
        size_(int(in.size)),
        own_row_(int(item.row)),
        row_(int(item.first) * kTile),
        end_(int(item.last) * kTile),
        column_(column),
        slabs_(layout.slabs),
        again_(again),
        resident_(layout.resident),
        aligned_(is_aligned(z_, in.width)),
        place_(thread_row() * kStride<scalar_t> + thread_column()),
        left_offset_(kept(Geometry::first_row() * kStride<scalar_t> + Product::left_offset())),
        right_offset_(
            kept(Geometry::first_column() * kStride<scalar_t> + Product::right_offset())) {
    __syncthreads();  // the item before this one is done with the memory
#pragma unroll 1
    for (int k = 0; resident_ && k < slabs_; ++k) fill(own_row_, k * kDepth<scalar_t>, k * kSlab);
#pragma unroll 1
    for (int n = 1; n < kStages; ++n) send_next();
  }

  // Waits for the next slab. All threads of the block call it, and are done with the one before.
  __device__ const scalar_t* take() {
    if constexpr (kStages == 1) {
      __syncthreads();
      send_next();
      wait_for_copies<0>();
      __syncthreads();
    } else {
      wait_for_copies<kStages - 2>();
      __syncthreads();
      send_next();
    }
    __syncwarp();  // lanes may have sent different numbers of copies; products want them together
    const scalar_t* slab = memory() + right() + taken_;
    taken_ = after(taken_);
    return slab;
  }

  // The next slab again, from where this lane's part of it begins, as Product::add_weighted reads
  // it.
  __device__ const scalar_t* take_again(int) {
    return take() + Geometry::part() * kGradColumns<scalar_t> + Product::weighted_offset();
  }

  // Similarities of the warp's rows i with its rows j of the next tile; nothing if not `wanted`.
  __device__ void add_similarities(bool wanted,
                                   typename Product::template Share<Geometry::kColumns>& s) {
#pragma unroll 1
    for (int k = 0; k < slabs_; ++k) {
      const scalar_t* rows = memory() + left_offset_ + (resident_ ? k * kSlab : taken_);
      const scalar_t* columns = take() + right_offset_;
      if (wanted) Product::add_similarities(rows, columns, s);
    }
  }

 private:
  static constexpr int kSlab = kTile * kStride<scalar_t>;
  static constexpr int kVectors = kDepth<scalar_t> / kVector<scalar_t>;
  static constexpr int kRowsAtOnce = Geometry::kThreads / kVectors;

  __device__ static int thread_row() { return threadIdx.x / kVectors; }
  __device__ static int thread_column() { return threadIdx.x % kVectors * kVector<scalar_t>; }
  __device__ static scalar_t* memory() { return reinterpret_cast<scalar_t*>(dynamic_shared()); }
  __device__ static int after(int at) { return at == (kStages - 1) * kSlab ? 0 : at + kSlab; }
  __device__ int right() const { return (resident_ ? slabs_ : kStages) * kSlab; }

  // Behind the last one the groups of copies are empty, so that their number stays right.
  __device__ void send_next() {
    if (row_ < end_) {
      const bool again = next_ >= slabs_;
      const int column =
          (again ? next_ - slabs_ : next_) * kDepth<scalar_t> + (again ? column_ : 0);
      fill(row_, column, right() + sent_);
      if (!resident_ && !again) fill(own_row_, column, sent_);
      if (++next_ == slabs_ + again_) {
        next_ = 0;
        row_ += kTile;
      }
    }
    commit_copies();
    sent_ = after(sent_);
  }

  // Fills a slab with columns column.. of rows first.., and zeros beyond them. It is filled once
  // each thread has waited for its copies and the block for its threads.
  __device__ void fill(int first, int column, int slab) const {
    if (!aligned_) return fill_by_elements(first, column, memory() + slab);
    const int row = first + thread_row(), k = column + thread_column();
    const scalar_t* from = z_ + row * width_ + k;
    const int rows = k < width_ ? size_ - row : 0;
    scalar_t* to = memory() + slab + place_;
#pragma unroll
    for (int n = 0; n < kTile; n += kRowsAtOnce) {
      begin_copy(to + n * kStride<scalar_t>, from, n < rows);
      from += kRowsAtOnce * width_;
    }
  }

  __device__ void fill_by_elements(int first, int column, scalar_t* slab) const {
#pragma unroll 1
    for (int n = threadIdx.x; n < kTile * kDepth<scalar_t>; n += Geometry::kThreads) {
      const int row = n / kDepth<scalar_t>, k = n % kDepth<scalar_t>;
      const bool inside = first + row < size_ && column + k < width_;
      slab[row * kStride<scalar_t> + k] =
          inside ? z_[(first + row) * width_ + column + k] : scalar_t(0.0f);
    }
  }

  const scalar_t* z_;
  int64_t width_;
  int size_, own_row_, row_, end_, column_, slabs_, again_;
  bool resident_, aligned_;
  int place_, left_offset_, right_offset_;
  int next_ = 0, sent_ = 0, taken_ = 0;
};

}  // namespace ariigcn
