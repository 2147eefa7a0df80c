// Pairwise contrast: a block streams over the similarities of one row, a tile at a time, forward
// and again backward; no N x N tensor exists. Every sum has a fixed order.
#include "pairwise_contrast.h"

#include "launch.h"
#include "warp.h"

namespace ariigcn {
namespace {

constexpr int kThreads = 64;  // of a block, and similarities in a tile

// log sum exp of the values added so far, at any magnitude: total * exp(largest).
template <typename value_t>
struct LogSumExp {
  value_t largest, total;

  __device__ void add(value_t x) {
    if (x > largest) {
      total = total * std::exp(largest - x) + value_t(1);
      largest = x;
    } else {
      total += std::exp(x - largest);
    }
  }

  __device__ void merge(const LogSumExp& other) {
    const value_t top = other.largest > largest ? other.largest : largest;
    const bool empty = top == -kInfinity<value_t>;
    total = empty ? total + other.total
                  : total * std::exp(largest - top) + other.total * std::exp(other.largest - top);
    largest = top;
  }

  __device__ value_t value() const {
    return total == value_t(0) ? value_t(0) : largest + std::log(total);
  }
};

// Statistics of one row over some of its positives, or negatives.
template <typename value_t>
struct SideStats {
  value_t count, sum, penalty;
  LogSumExp<value_t> lse;

  __device__ static SideStats empty() { return {0, 0, 0, {-kInfinity<value_t>, 0}}; }

  __device__ void add(value_t s, value_t scaled, value_t pair_penalty) {
    count += 1;
    sum += s;
    penalty += pair_penalty;
    lse.add(scaled);
  }

  __device__ void merge(const SideStats& other) {
    count += other.count;
    sum += other.sum;
    penalty += other.penalty;
    lse.merge(other.lse);
  }

  // `out` points at the row in (kNumStats, size); `side` is 0 for positives, 1 for negatives.
  __device__ void write(value_t* out, int64_t size, int side) const {
    out[(kCountPos + side) * size] = count;
    out[(kSumPos + side) * size] = sum;
    out[(kLsePos + side) * size] = lse.value();
    out[(kMarginPos + side) * size] = penalty;
  }
};

template <typename value_t>
struct RowStats {
  SideStats<value_t> positives, negatives;

  __device__ static RowStats empty() {
    return {SideStats<value_t>::empty(), SideStats<value_t>::empty()};
  }

  __device__ void add(const ContrastRows<value_t>& rows, PairKind kind, value_t s) {
    const value_t scaled = s * rows.inv_temperature, penalty = rows.penalty(kind, s);
    if (kind == kPositive) positives.add(s, scaled, penalty);
    if (kind == kNegative) negatives.add(s, scaled, penalty);
  }

  __device__ void merge(const RowStats& other) {
    positives.merge(other.positives);
    negatives.merge(other.negatives);
  }

  __device__ void write(value_t* out, int64_t size) const {
    positives.write(out, size, 0);
    negatives.write(out, size, 1);
  }
};

template <typename value_t>
__device__ ContrastRows<value_t> rows_of_group(const ContrastInput<value_t>& in, int64_t g) {
  ContrastRows<value_t> rows = in.rows;
  rows.label += g * rows.size;
  rows.modality += g * rows.size;
  rows.utterance += g * rows.size;
  return rows;
}

// Fills `tile` with z_i . z_j of `count` rows j from `first` on: a warp owns a j, its lanes share
// the columns. `z` is the group's. All threads of the block must call it.
template <typename value_t>
__device__ void fill_tile(const value_t* z, int64_t width, int64_t i, int64_t first, int64_t count,
                          value_t* tile) {
  for (int64_t t = threadIdx.x / kWarpSize; t < count; t += kThreads / kWarpSize) {
    const value_t *a = z + i * width, *b = z + (first + t) * width;
    value_t s = 0;
    for (int64_t k = lane(); k < width; k += kWarpSize) s += a[k] * b[k];
    s = warp_sum(s);
    if (lane() == 0) tile[t] = s;
  }
  __syncthreads();
}

__device__ inline int64_t tile_count(int64_t size, int64_t first) {
  return size - first < kThreads ? size - first : kThreads;
}

// Merges the threads' statistics into partial[0] as a tree.
template <typename value_t>
__device__ void merge_block(RowStats<value_t>* partial) {
  for (int half = kThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (int(threadIdx.x) < half) partial[threadIdx.x].merge(partial[threadIdx.x + half]);
  }
}

// A block owns one (group, row i); a thread adds up the statistics of every 64th row j.
template <typename value_t>
__global__ void stats_kernel(ContrastInput<value_t> in, value_t* stats) {
  __shared__ value_t tile[kThreads];
  __shared__ RowStats<value_t> partial[kThreads];
  const int64_t size = in.rows.size;
  for (int64_t row = blockIdx.x; row < in.groups * size; row += gridDim.x) {
    const int64_t g = row / size, i = row % size;
    const ContrastRows<value_t> rows = rows_of_group(in, g);
    RowStats<value_t> mine = RowStats<value_t>::empty();
    for (int64_t first = 0; first < size; first += kThreads) {
      const int64_t count = tile_count(size, first), j = first + threadIdx.x;
      fill_tile(in.z + g * size * in.width, in.width, i, first, count, tile);
      if (j < size) mine.add(rows, rows.kind(i, j), tile[threadIdx.x]);
      __syncthreads();  // the next tile overwrites this one
    }
    partial[threadIdx.x] = mine;
    merge_block(partial);
    if (threadIdx.x == 0) partial[0].write(stats + g * kNumStats * size + i, size);
  }
}

// A block owns one (group, row i): a thread turns every 64th similarity into its derivative, and
// adds up every 64th column of grad_z in place, a tile of rows j at a time.
template <typename value_t>
__global__ void grad_kernel(ContrastInput<value_t> in, const value_t* grad, const value_t* stats,
                            value_t* grad_z) {
  __shared__ value_t tile[kThreads];
  const int64_t size = in.rows.size;
  for (int64_t row = blockIdx.x; row < in.groups * size; row += gridDim.x) {
    const int64_t g = row / size, i = row % size, table = g * kNumStats * size;
    const ContrastRows<value_t> rows = rows_of_group(in, g);
    const value_t* z = in.z + g * size * in.width;
    for (int64_t first = 0; first < size; first += kThreads) {
      const int64_t count = tile_count(size, first), j = first + threadIdx.x;
      fill_tile(z, in.width, i, first, count, tile);
      if (j < size)
        tile[threadIdx.x] =
            rows.similarity_grad(i, j, tile[threadIdx.x], grad + table, stats + table);
      __syncthreads();
      for (int64_t k = threadIdx.x; k < in.width; k += kThreads) {
        value_t sum = first == 0 ? value_t(0) : grad_z[row * in.width + k];
        for (int64_t t = 0; t < count; ++t) sum += tile[t] * z[(first + t) * in.width + k];
        grad_z[row * in.width + k] = sum;
      }
      __syncthreads();  // the next tile overwrites this one
    }
  }
}

}  // namespace

template <typename value_t>
cudaError_t launch_pairwise_contrast(const ContrastInput<value_t>& in, value_t* stats,
                                     cudaStream_t stream) {
  return launch(in.groups * in.rows.size, kThreads, stream, stats_kernel<value_t>, in, stats);
}

template <typename value_t>
cudaError_t launch_pairwise_contrast_backward(const ContrastInput<value_t>& in, const value_t* grad,
                                              const value_t* stats, value_t* grad_z,
                                              cudaStream_t stream) {
  return launch(in.groups * in.rows.size, kThreads, stream, grad_kernel<value_t>, in, grad, stats,
                grad_z);
}

#define INSTANTIATE(value_t)                                                             \
  template cudaError_t launch_pairwise_contrast(const ContrastInput<value_t>&, value_t*, \
                                                cudaStream_t);                           \
  template cudaError_t launch_pairwise_contrast_backward(                                \
      const ContrastInput<value_t>&, const value_t*, const value_t*, value_t*, cudaStream_t);
INSTANTIATE(float)
INSTANTIATE(double)

}  // namespace ariigcn
