// One tile of a matrix product by a block of 128 threads. Its operands pass through shared memory
// in steps along the depth, of which several are on their way while one is multiplied; the sums
// stay in registers. Two ways to multiply: with fused multiply-adds, or on tensor cores.
#pragma once

#include <climits>
#include <type_traits>

#include "../../numeric.h"
#include "../../relational_attention_options.h"
#ifdef __CUDACC__
#include "../async_copy.h"
#else
#include <async_copy.h>  // of the emulator
#endif
#include "../launch.h"
#include "../mma.h"
#include "../vector.h"

namespace ariigcn {

constexpr int kTileThreads = 128;

// A block's rows and columns of the result; the bytes of depth in a step; the steps in memory.
template <int rows, int columns, int depth_bytes, int stages>
struct TileShape {
  static constexpr int kRows = rows, kColumns = columns, kDepthBytes = depth_bytes;
  static constexpr int kStages = kTensorCores ? stages : 2;  // copies are not asynchronous before
};

// A large tile reads its operands the fewest times; its stages are what fits into the 48 KB that
// every device has. Small tiles fill a device with a product that has few rows; there the time is
// that of one block's steps, so a step is longer, more are on their way, and its depth is split
// over the warps.
using LargeTile = TileShape<128, 64, 64, 3>;
using SmallTile = TileShape<32, 32, 128, 4>;

// Large tiles are for products that have so many of them: two for each of the 132 multiprocessors
// of an H100. Alike on every device, as the order of sums depends on it. Tests set it, as the
// emulator is too slow for so many blocks.
inline int64_t many_tiles = 264;

__host__ __device__ constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// One operand's part of a step, stored as it lies in memory: rows along the depth (one for each row
// or column of the tile, of which there are `side`), or along the side (one for each index that is
// summed over). A thread copies kPasses vectors, of the same columns of several rows.
template <typename scalar_t, typename Shape, int side, bool kAlongDepth>
struct Operand {
  static constexpr int kDepth = Shape::kDepthBytes / int(sizeof(scalar_t));
  static constexpr int kRows = kAlongDepth ? side : kDepth;
  static constexpr int kWidth = kAlongDepth ? kDepth : side;
  // Spreads rows over the banks, as mma.h wants it.
  static constexpr int kPad = (sizeof(scalar_t) == 4 && !kAlongDepth ? 2 : 1) * kVector<scalar_t>;
  static constexpr int kStride = kWidth + kPad;
  static constexpr int kPerRow = kWidth / kVector<scalar_t>;
  static constexpr int kRowsOfPass = kTileThreads / kPerRow;
  static constexpr int kPasses = kRows / kRowsOfPass;
  static_assert(kRows % kRowsOfPass == 0);
  using Tile = Vector<scalar_t>[kRows * kStride / kVector<scalar_t>];

  __device__ static int row(int pass) { return int(threadIdx.x) / kPerRow + pass * kRowsOfPass; }
  __device__ static int column() { return int(threadIdx.x) % kPerRow * kVector<scalar_t>; }

  // Begins the copies of a step. Vector `pass` starts at from(pass) if that bit of `present` is
  // set, else it is zeros, as is what lies `count` elements and more after its start; but whole
  // vectors are copied where they are aligned.
  template <typename From>
  __device__ static void copy(Tile& tile, unsigned present, bool aligned, int count,
                              const From& from) {
    Vector<scalar_t>* to = tile + row(0) * (kStride / kVector<scalar_t>)+threadIdx.x % kPerRow;
    constexpr int kPitch = kRowsOfPass * (kStride / kVector<scalar_t>);
    if (aligned) {
#pragma unroll
      for (int pass = 0; pass < kPasses; ++pass)
        begin_copy(to + pass * kPitch, from(pass), present >> pass & 1);
    } else {
#pragma unroll
      for (int pass = 0; pass < kPasses; ++pass)
        to[pass * kPitch] = load_vector(from(pass), present >> pass & 1 ? count : 0, false);
    }
  }
};

// A thread owns every 8th row, or 8 groups of rows, and every 16th column, or 16 groups of columns:
// neighbouring threads read neighbouring rows of an operand, or neighbouring elements of a row.
template <typename scalar_t, typename TileShape, bool kADepth, bool kBDepth>
struct FmaTile {
  using Shape = TileShape;
  using acc = acc_t<scalar_t>;
  using A = Operand<scalar_t, Shape, Shape::kRows, kADepth>;
  using B = Operand<scalar_t, Shape, Shape::kColumns, kBDepth>;
  static constexpr int kNeighbours = 1;
  static constexpr int kOwnRows = Shape::kRows / 8, kOwnColumns = Shape::kColumns / 16;
  acc sum[kOwnRows][kOwnColumns] = {};

  __device__ static int row(int i) {
    const int thread = int(threadIdx.x) / 16;
    return kADepth ? thread + 8 * i : thread * kOwnRows + i;
  }
  __device__ static int column(int j) {
    const int thread = int(threadIdx.x) % 16;
    return kBDepth ? thread + 16 * j : thread * kOwnColumns + j;
  }

  __device__ void add(const scalar_t* a, const scalar_t* b) {
#pragma unroll 2
    for (int k = 0; k < A::kDepth; ++k) {
      acc left[kOwnRows], right[kOwnColumns];
#pragma unroll
      for (int i = 0; i < kOwnRows; ++i)
        left[i] = acc(kADepth ? a[row(i) * A::kStride + k] : a[k * A::kStride + row(i)]);
#pragma unroll
      for (int j = 0; j < kOwnColumns; ++j)
        right[j] = acc(kBDepth ? b[column(j) * B::kStride + k] : b[k * B::kStride + column(j)]);
#pragma unroll
      for (int i = 0; i < kOwnRows; ++i)
#pragma unroll
        for (int j = 0; j < kOwnColumns; ++j) sum[i][j] += left[i] * right[j];
    }
  }

  template <typename Visit>
  __device__ void each(void*, const Visit& visit) {
#pragma unroll
    for (int i = 0; i < kOwnRows; ++i)
#pragma unroll
      for (int j = 0; j < kOwnColumns; ++j) visit(row(i), column(j), &sum[i][j]);
  }
};

// A warp owns a quarter of the result. Of a small tile it first multiplies all, but only a quarter
// of each step's depth: so no product waits for another, and warps read each element but once.
template <typename scalar_t, typename TileShape, Fp32Precision precision, bool kADepth,
          bool kBDepth>
struct MmaTile {
  using Shape = TileShape;
  using acc = float;
  using A = Operand<scalar_t, Shape, Shape::kRows, kADepth>;
  using B = Operand<scalar_t, Shape, Shape::kColumns, kBDepth>;
  static constexpr int kNeighbours = 2;
  static constexpr int kWarps = kTileThreads / kWarpSize;
  static constexpr bool kByDepth = A::kDepth == kWarps * kMmaK<scalar_t>;
  // Of a quarter, and of what a warp multiplies.
  static constexpr int kOwnRows = Shape::kRows / 2, kOwnColumns = Shape::kColumns / 2;
  static constexpr int kRows = kByDepth ? Shape::kRows : kOwnRows;
  static constexpr int kColumns = kByDepth ? Shape::kColumns : kOwnColumns;
  MmaC sum[kRows / 16][kColumns / 8];

  __device__ static int first_row() { return int(threadIdx.x) / 64 * kOwnRows; }
  __device__ static int first_column() { return int(threadIdx.x) / 32 % 2 * kOwnColumns; }

  __device__ static MmaA<scalar_t> load_left(const scalar_t* a, int i, int k) {
    const int m = (kByDepth ? 0 : first_row()) + 16 * i;
    if constexpr (kADepth) return load_a(a + m * A::kStride + k, A::kStride);
    return load_a_transposed(a + k * A::kStride + m, A::kStride);
  }
  __device__ static void load_right(const scalar_t* b, int j, int k, MmaB<scalar_t> (&right)[2]) {
    const int n = (kByDepth ? 0 : first_column()) + 16 * j;
    if constexpr (kBDepth)
      load_b(b + n * B::kStride + k, B::kStride, right);
    else
      load_b_transposed(b + k * B::kStride + n, B::kStride, right);
  }

  __device__ static void add_row(MmaC (&to)[kColumns / 8], const MmaA<scalar_t>& left,
                                 const MmaB<scalar_t> (&right)[kColumns / 16][2]) {
#pragma unroll
    for (int j = 0; j < kColumns / 8; ++j) mma(to[j], left, right[j / 2][j % 2]);
  }

  // Floats are multiplied as sums of two tf32s, without the product of the smaller ones.
  __device__ void add(const scalar_t* a, const scalar_t* b) {
    __syncwarp();  // lanes may have come here one after the other, and mma.sync needs them at once
    const int first = kByDepth ? warp_in_block() * kMmaK<scalar_t> : 0;
    constexpr int kDepth = kByDepth ? kMmaK<scalar_t> : A::kDepth;
#pragma unroll
    for (int k = 0; k < kDepth; k += kMmaK<scalar_t>) {
      MmaB<scalar_t> right[kColumns / 16][2], right_rest[kColumns / 16][2];
#pragma unroll
      for (int j = 0; j < kColumns / 16; ++j) {
        load_right(b, j, first + k, right[j]);
#pragma unroll
        for (int half = 0; half < 2; ++half) right_rest[j][half] = split<precision>(right[j][half]);
      }
#pragma unroll
      for (int i = 0; i < kRows / 16; ++i) {
        MmaA<scalar_t> left = load_left(a, i, first + k);
        const MmaA<scalar_t> left_rest = split<precision>(left);
        if constexpr (kRests<scalar_t, precision>) {
          add_row(sum[i], left_rest, right);
          add_row(sum[i], left, right_rest);
        }
        add_row(sum[i], left, right);
      }
    }
  }

  // Of a fragment, a lane's sums in one row.
  struct alignas(8) Pair {
    float at[2];
  };

  // Adds up what the warps have of each quarter, in their order; `memory` is the steps'.
  __device__ void add_warps(Pair* memory) {
    constexpr int kAcross = kColumns / 8, kFragments = kRows / 16 * kAcross;
    const auto part = [&](int warp, int i, int j, int half) -> Pair& {
      return memory[((warp * kFragments + i * kAcross + j) * 2 + half) * kWarpSize + lane()];
    };
#pragma unroll
    for (int f = 0; f < 2 * kFragments; ++f) {
      const int i = f / 2 / kAcross, j = f / 2 % kAcross, half = f % 2;
      const float* own = sum[i][j].at + 2 * half;
      part(warp_in_block(), i, j, half) = {own[0], own[1]};
    }
    __syncthreads();
    constexpr int kOwn = kOwnColumns / 8;
#pragma unroll
    for (int f = 0; f < 2 * kOwnRows / 16 * kOwn; ++f) {
      const int i = f / 2 / kOwn, j = f / 2 % kOwn, half = f % 2;
      float* total = sum[i][j].at + 2 * half;
      total[0] = total[1] = 0;
#pragma unroll
      for (int warp = 0; warp < kWarps; ++warp) {
        const Pair one = part(warp, first_row() / 16 + i, first_column() / 8 + j, half);
        total[0] += one.at[0];
        total[1] += one.at[1];
      }
    }
    __syncthreads();  // the next tile's steps come there
  }

  // Visits the sums once the last step is done; all threads of the block call it together.
  template <typename Memory, typename Visit>
  __device__ void each(Memory* memory, const Visit& visit) {
    if constexpr (kByDepth) {
      static_assert(sizeof *memory * Shape::kStages >= kWarps * kWarpSize * sizeof sum);
      add_warps(reinterpret_cast<Pair*>(memory));
    }
#pragma unroll
    for (int i = 0; i < kOwnRows / 16; ++i)
#pragma unroll
      for (int below = 0; below < 4; below += 2)
#pragma unroll
        for (int j = 0; j < kOwnColumns / 8; ++j)
          visit(first_row() + 16 * i + MmaC::row(below),
                first_column() + 8 * j + MmaC::column(below), &sum[i][j].at[below]);
  }
};

// Tensor cores where the device has them and they compute what is asked for.
template <typename scalar_t, Fp32Precision precision>
constexpr bool kOnTensorCores =
    kTensorCores && (sizeof(scalar_t) == 2 ||
                     (std::is_same_v<scalar_t, float> && precision != Fp32Precision::kIeee));
template <typename scalar_t, typename Shape, Fp32Precision precision, bool kADepth, bool kBDepth>
using ProductTile = std::conditional_t<kOnTensorCores<scalar_t, precision>,
                                       MmaTile<scalar_t, Shape, precision, kADepth, kBDepth>,
                                       FmaTile<scalar_t, Shape, kADepth, kBDepth>>;

// Calls launch(precision) with what the kernels of a type are compiled for; those of other types
// than float do not look at it.
template <typename scalar_t, typename Launch>
cudaError_t with_precision(Fp32Precision precision, const Launch& launch) {
  using enum Fp32Precision;
  if constexpr (std::is_same_v<scalar_t, float>) {
    if (precision == kTf32) return launch(std::integral_constant<Fp32Precision, kTf32>());
    if (precision == kTf32x3) return launch(std::integral_constant<Fp32Precision, kTf32x3>());
  }
  return launch(std::integral_constant<Fp32Precision, kIeee>());
}

// Blocks on a multiprocessor at least. Four leave a thread 128 registers, of which the sums of a
// large tile take 64; floats that are rounded to tf32 need more of the others. Sums of doubles
// would take all, and doubles are for checks: their tiles are small. Before sm_80 memory is the
// limit.
template <Fp32Precision precision>
constexpr int kTileBlocks = kTensorCores && precision == Fp32Precision::kIeee ? 4 : 3;
template <typename scalar_t>
constexpr bool kLargeTiles = sizeof(scalar_t) < 8;

// The operands of a step.
template <typename Product>
struct ProductStep {
  typename Product::A::Tile a;
  typename Product::B::Tile b;
};

// Adds up a tile. copy(step) begins the copies of the next step, or returns false if there is none;
// all threads of the block call this and that together.
template <int kStages, typename Product, typename Copy>
__device__ void add_steps(Product& product, ProductStep<Product> (&memory)[kStages],
                          const Copy& copy) {
  int to = 0, from = 0, ahead = 0;  // stages, and steps whose copies have begun
  const auto begin_step = [&] {
    if (copy(memory[to])) {
      to = to + 1 == kStages ? 0 : to + 1;
      ++ahead;
    }
    commit_copies();
  };
#pragma unroll 1
  for (int stage = 0; stage < kStages - 1; ++stage) begin_step();
#pragma unroll 1
  while (ahead > 0) {
    wait_for_copies<kStages - 2>();
    __syncthreads();  // all have waited for this step, and have read the one before
    begin_step();
    product.add(elements(memory[from].a), elements(memory[from].b));
    from = from + 1 == kStages ? 0 : from + 1;
    --ahead;
  }
  __syncthreads();  // the last step has been read
}

// Stores elements that lie beside each other: at once if they are `aligned` to their number and all
// of them are in the row, of which `left` elements remain.
template <int kCount, typename scalar_t>
__device__ void store_neighbours(scalar_t* to, const acc_t<scalar_t>* value, int left,
                                 bool aligned) {
  if constexpr (kCount == 2) {
    if (aligned && left >= 2) {
      if constexpr (sizeof(scalar_t) == 2) {
        *reinterpret_cast<uint32_t*>(to) = ptx::pack<scalar_t>(value[0], value[1]);
      } else {
        struct alignas(2 * sizeof(scalar_t)) Pair {
          scalar_t at[2];
        };
        *reinterpret_cast<Pair*>(to) = {{scalar_t(value[0]), scalar_t(value[1])}};
      }
      return;
    }
  }
#pragma unroll
  for (int i = 0; i < kCount; ++i)
    if (i < left) to[i] = scalar_t(value[i]);
}

// Whether pairs of columns of a result start at multiples of their size.
template <typename scalar_t>
__host__ __device__ bool pairs_are_aligned(const scalar_t* rows, int64_t width) {
  return width % 2 == 0 && reinterpret_cast<uintptr_t>(rows) % (2 * sizeof(scalar_t)) == 0;
}

// Tasks are numbered with 32 bits, whose division is cheap: more of them would be more results than
// any device's memory holds.
template <typename... Params, typename Op>
cudaError_t launch_tasks(int64_t tasks, cudaStream_t stream, void (*kernel)(Params...),
                         const Op& op) {
  if (tasks > INT_MAX - kMaxBlocks) return cudaErrorInvalidConfiguration;  // a stride beyond all
  return launch(tasks, kTileThreads, stream, kernel, op);
}

}  // namespace ariigcn
