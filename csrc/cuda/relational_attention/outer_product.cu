// Gradients of weights: chunks of rows to partial sums, and partial sums to results.
#include "outer_product.h"

#include "../instantiate.h"
#include "../launch.h"
#include "product_tile.h"

namespace ariigcn {
namespace {

constexpr int kThreads = kTileThreads;

__host__ __device__ int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Rows first .. last of the order, all of one relation.
struct Slot {
  int64_t first, last;
};

// The r-th relation starts in slot rel_ptr[r] / size + r, which grows with r.
__device__ Slot find_slot(const RowOrder& order, const Chunks& chunks, int64_t slot) {
  int64_t r = 0, first = 0, last = order.rows;
  if (order.rel_ptr) {
    int64_t high = order.num_rels;
    while (high - r > 1) {
      const int64_t middle = (r + high) / 2;
      if (order.rel_ptr[middle] / chunks.size + middle <= slot)
        r = middle;
      else
        high = middle;
    }
    first = order.rel_ptr[r];
    last = order.rel_ptr[r + 1];
  }
  const int64_t start = (slot - r) * chunks.size, stop = start + chunks.size;
  if (start > first) first = start;
  if (stop < last) last = stop;
  return {first, last};
}

// The number of a row of A, or of a column sum, and of the row of B beside it.
__device__ int64_t left_row(const RowOrder& order, int64_t k) {
  return order.order ? order.order[k] : k;
}
__device__ int64_t right_row(const RowOrder& order, int64_t k) {
  return order.order ? order.seg_dst[order.order[k]] : k;
}

template <typename scalar_t>
__host__ __device__ int64_t count_tasks(const OuterProduct<scalar_t>& op) {
  return op.batches * op.chunks.slots * ceil_div(op.a_width, kTileSide) *
         ceil_div(op.b_width, kTileSide);
}
template <typename acc>
__host__ __device__ int64_t count_tasks(const ColumnSum<acc>& op) {
  return op.batches * op.chunks.slots * ceil_div(op.width, kTileSide);
}

template <typename scalar_t>
__device__ Vector<scalar_t> load_right(const OuterProduct<scalar_t>& op, const scalar_t* b,
                                       const scalar_t* scale, int64_t offset, int64_t count) {
  using acc = acc_t<scalar_t>;
  Vector<scalar_t> v = load_vector(b + offset, count, op.b_aligned);
  if (scale == nullptr) return v;
  const Vector<scalar_t> factor = load_vector(scale + offset, count, op.b_aligned);
#pragma unroll
  for (int i = 0; i < kVector<scalar_t>; ++i) v.set(i, scalar_t(acc(v[i]) * acc(factor[i])));
  return v;
}

template <typename scalar_t, typename Product>
__device__ void multiply_slot(const OuterProduct<scalar_t>& op, int64_t task,
                              ProductMemory<Product>& memory) {
  const int64_t across = ceil_div(op.b_width, kTileSide), down = ceil_div(op.a_width, kTileSide);
  const int64_t n0 = task % across * kTileSide, m0 = task / across % down * kTileSide;
  const int64_t result = task / across / down, batch = result / op.chunks.slots;
  const Slot slot = find_slot(op.order, op.chunks, result % op.chunks.slots);
  const scalar_t* a = op.a + batch / op.a_heads * op.a_rows * op.a_pitch;
  const scalar_t* b = op.b + batch * op.b_rows * op.b_pitch;
  const scalar_t* scale = op.b_scale;
  if (scale != nullptr) scale += batch * op.b_rows * op.b_pitch;

  Product product;
  typename Product::A left;
  typename Product::B right;
  const auto fetch = [&](int64_t k0) {
    left.fetch([&](int row, int column) {
      const int64_t k = k0 + row, m = m0 + column;
      const bool inside = k < slot.last && m < op.a_width;
      const int64_t offset = inside ? left_row(op.order, k) * op.a_pitch + m : 0;
      return load_vector(a + offset, inside ? op.a_width - m : 0, op.a_aligned);
    });
    right.fetch([&](int row, int column) {
      const int64_t k = k0 + row, n = n0 + column;
      const bool inside = k < slot.last && n < op.b_width;
      const int64_t offset = inside ? right_row(op.order, k) * op.b_pitch + n : 0;
      return load_right(op, b, scale, offset, inside ? op.b_width - n : 0);
    });
  };
  if (slot.first < slot.last) fetch(slot.first);
  for (int64_t k0 = slot.first; k0 < slot.last;) {
    left.store(memory.step.a, Product::kTf32);
    right.store(memory.step.b, Product::kTf32);
    __syncthreads();
    k0 += kTileDepth<scalar_t>;
    if (k0 < slot.last) fetch(k0);  // while the step before is multiplied
    product.add(elements(memory.step.a), elements(memory.step.b));
    __syncthreads();
  }
  memory.each(product, [&](int row, int column, acc_t<scalar_t> sum) {
    const int64_t m = m0 + row, n = n0 + column;
    if (m < op.a_width && n < op.b_width)
      op.partial[(result * op.a_width + m) * op.b_width + n] = sum;
  });
}

// Half of the threads take the even rows, half the odd ones; a thread owns one of 64 columns.
template <typename acc>
__device__ void sum_columns(const ColumnSum<acc>& op, int64_t task, acc* odd) {
  const int64_t across = ceil_div(op.width, kTileSide), result = task / across;
  const int64_t n = task % across * kTileSide + threadIdx.x % kTileSide;
  const Slot slot = find_slot(op.order, op.chunks, result % op.chunks.slots);
  const acc* rows = op.rows + result / op.chunks.slots * op.order.rows * op.pitch;
  const int64_t half = threadIdx.x / kTileSide;
  acc sum = 0;
  if (n < op.width) {
#pragma unroll 4
    for (int64_t k = slot.first + half; k < slot.last; k += 2)
      sum += rows[left_row(op.order, k) * op.pitch + n];
  }
  if (half == 1) odd[threadIdx.x % kTileSide] = sum;
  __syncthreads();
  if (half == 0 && n < op.width) op.partial[result * op.width + n] = sum + odd[threadIdx.x];
  __syncthreads();
}

// A block owns a 64 x 64 tile of a slot of a product, or 64 columns of a slot of a column sum.
template <typename scalar_t, bool kTensor>
__global__ void __launch_bounds__(kThreads)
    weight_grads_kernel(const __grid_constant__ WeightGrads<scalar_t> grads) {
  using Product = ProductTile<scalar_t, kTensor, false, false>;
  __shared__ ProductMemory<Product> memory;
  int64_t total = 0;
  for (int i = 0; i < grads.products; ++i) total += count_tasks(grads.product[i]);
  for (int i = 0; i < grads.columns; ++i) total += count_tasks(grads.column[i]);
  for (int64_t task = blockIdx.x; task < total; task += gridDim.x) {
    int64_t left = task;
    int part = 0;
    while (part < grads.products && left >= count_tasks(grads.product[part]))
      left -= count_tasks(grads.product[part++]);
    if (part < grads.products) {
      multiply_slot(grads.product[part], left, memory);
      continue;
    }
    part = 0;
    while (left >= count_tasks(grads.column[part])) left -= count_tasks(grads.column[part++]);
    sum_columns(grads.column[part], left, memory.result);
  }
}

// A thread owns one element of a result and adds up its partial sums in order.
template <typename scalar_t>
__global__ void __launch_bounds__(kThreads)
    partial_sums_kernel(const __grid_constant__ PartialSums<scalar_t> sums) {
  int64_t item = int64_t(blockIdx.x) * kThreads + threadIdx.x;
  const int64_t stride = int64_t(gridDim.x) * kThreads;
  for (int p = 0; p < sums.parts; ++p) {
    const PartialSum<scalar_t>& op = sums.part[p];
    const int64_t rels = op.order.rel_ptr ? op.order.num_rels : 1;
    const int64_t count = op.batches * rels * op.size;
    for (; item < count; item += stride) {
      const int64_t k = item % op.size, r = item / op.size % rels, batch = item / op.size / rels;
      const int64_t begin = op.order.rel_ptr ? op.order.rel_ptr[r] : 0;
      const int64_t end = op.order.rel_ptr ? op.order.rel_ptr[r + 1] : op.order.rows;
      acc_t<scalar_t> sum = 0;
      if (begin < end) {
        const int64_t first = begin / op.chunks.size + r, last = (end - 1) / op.chunks.size + r;
#pragma unroll 8
        for (int64_t slot = first; slot <= last; ++slot)
          sum += op.partial[(batch * op.chunks.slots + slot) * op.size + k];
      }
      op.out[item] = scalar_t(sum);
    }
    item -= count;
  }
}

}  // namespace

template <typename scalar_t>
cudaError_t launch_weight_grads(const WeightGrads<scalar_t>& grads, cudaStream_t stream) {
  int64_t tasks = 0;
  for (int i = 0; i < grads.products; ++i) tasks += count_tasks(grads.product[i]);
  for (int i = 0; i < grads.columns; ++i) tasks += count_tasks(grads.column[i]);
  if constexpr (std::is_same_v<scalar_t, float>)
    if (grads.tf32) return launch(tasks, kThreads, stream, weight_grads_kernel<float, true>, grads);
  return launch(tasks, kThreads, stream, weight_grads_kernel<scalar_t, sizeof(scalar_t) == 2>,
                grads);
}

template <typename scalar_t>
cudaError_t launch_partial_sums(const PartialSums<scalar_t>& sums, cudaStream_t stream) {
  int64_t items = 0;
  for (int i = 0; i < sums.parts; ++i)
    items += sums.part[i].batches * sums.part[i].order.rels() * sums.part[i].size;
  return launch(ceil_div(items, kThreads), kThreads, stream, partial_sums_kernel<scalar_t>, sums);
}

#define INSTANTIATE(scalar_t)                                                           \
  template cudaError_t launch_weight_grads(const WeightGrads<scalar_t>&, cudaStream_t); \
  template cudaError_t launch_partial_sums(const PartialSums<scalar_t>&, cudaStream_t);
FOR_SCALARS(INSTANTIATE)

}  // namespace ariigcn
