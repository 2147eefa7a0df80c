// Gradients of weights: chunks of rows to partial sums, and partial sums to results.
#include "outer_product.h"

#include "../instantiate.h"
#include "../launch.h"
#include "product_tile.h"

namespace ariigcn {
namespace {

constexpr int kThreads = kTileThreads;
constexpr int kColumns = 64;  // of a block that sums columns: half of its threads

// Rows first .. last of the order, all of one relation.
struct Slot {
  int64_t first, last;
};

// The r-th relation starts in slot rel_ptr[r] / size + r, which grows with r.
__device__ Slot find_slot(const RowOrder& order, const Chunks& chunks, int slot) {
  const int size = int(chunks.size);
  int r = 0;
  int64_t first = 0, last = order.rows;
  if (order.rel_ptr) {
    int high = int(order.num_rels);
    while (high - r > 1) {
      const int middle = (r + high) / 2;
      if (int(order.rel_ptr[middle]) / size + middle <= slot)
        r = middle;
      else
        high = middle;
    }
    first = order.rel_ptr[r];
    last = order.rel_ptr[r + 1];
  }
  const int64_t start = int64_t(slot - r) * size, stop = start + size;
  return {start > first ? start : first, stop < last ? stop : last};
}

// The number of a row of A, or of a column sum.
__device__ int64_t left_row(const RowOrder& order, int64_t k) {
  return order.order ? order.order[k] : k;
}

template <typename Shape, typename scalar_t>
__host__ __device__ int64_t count_tasks(const OuterProduct<scalar_t>& op) {
  return op.batches * op.chunks.slots * ceil_div(op.a_width, Shape::kRows) *
         ceil_div(op.b_width, Shape::kColumns);
}
template <typename Shape, typename acc>
__host__ __device__ int64_t count_tasks(const ColumnSum<acc>& op) {
  return op.batches * op.chunks.slots * ceil_div(op.width, kColumns);
}

// The rows of an operand that a thread copies in the next step: looked up before they are needed,
// as a look-up takes as long as the products of a step. Rows of B are two look-ups away, of which
// each has a step's time.
template <typename Operand, bool kTargets>
class NextRows {
 public:
  __device__ NextRows(const RowOrder& order, const Slot& slot)
      : order_(order), next_(unsigned(slot.first)), last_(unsigned(slot.last)) {
    look_up();
    if (kTargets) look_up();
  }

  // Number of the row of a pass, or -1.
  __device__ int operator[](int pass) const { return row_[pass]; }

  __device__ unsigned present() const {
    unsigned rows = 0;
#pragma unroll
    for (int pass = 0; pass < Operand::kPasses; ++pass)
      if (row_[pass] >= 0) rows |= 1u << pass;
    return rows;
  }

  __device__ void look_up() {
#pragma unroll
    for (int pass = 0; pass < Operand::kPasses; ++pass) {
      const unsigned k = next_ + Operand::row(pass);
      if (kTargets)
        row_[pass] =
            order_.order && entry_[pass] >= 0 ? int(order_.seg_dst[entry_[pass]]) : entry_[pass];
      int& to = kTargets ? entry_[pass] : row_[pass];
      to = k < last_ ? int(left_row(order_, k)) : -1;
    }
    next_ += Operand::kDepth;
  }

 private:
  const RowOrder& order_;
  unsigned next_, last_;  // an index type's maximum and a step do not go beyond 32 bits
  int entry_[Operand::kPasses] = {}, row_[Operand::kPasses] = {};
};

template <typename scalar_t, typename Product, int kStages>
__device__ void multiply_slot(const OuterProduct<scalar_t>& op, unsigned task,
                              ProductStep<Product> (&memory)[kStages]) {
  using Shape = typename Product::Shape;
  using A = typename Product::A;
  using B = typename Product::B;
  const unsigned across = unsigned(ceil_div(int(op.b_width), Shape::kColumns));
  const unsigned down = unsigned(ceil_div(int(op.a_width), Shape::kRows));
  const unsigned tile_row = task / across, result = tile_row / down;
  const int n0 = int(task - tile_row * across) * Shape::kColumns;
  const int m0 = int(tile_row - result * down) * Shape::kRows;
  const unsigned batch = result / unsigned(op.chunks.slots);
  const Slot slot = find_slot(op.order, op.chunks, int(result - batch * unsigned(op.chunks.slots)));
  if (slot.first >= slot.last) return;

  const int m = m0 + A::column(), n = n0 + B::column();
  const scalar_t* a = op.a + batch / unsigned(op.a_heads) * op.a_rows * op.a_pitch + m;
  const scalar_t* b = op.b + batch * op.b_rows * op.b_pitch + n;
  const int a_count = int(op.a_width) - m, b_count = int(op.b_width) - n;
  NextRows<A, false> a_rows(op.order, slot);
  NextRows<B, true> b_rows(op.order, slot);

  Product product;
  int left = int(slot.last - slot.first);  // rows that no step has copied
  add_steps(product, memory, [&](ProductStep<Product>& to) {
    if (left <= 0) return false;
    A::copy(to.a, a_count > 0 ? a_rows.present() : 0, op.a_aligned, a_count,
            [&](int pass) { return a + int64_t(a_rows[pass]) * int(op.a_pitch); });
    B::copy(to.b, b_count > 0 ? b_rows.present() : 0, op.b_aligned, b_count,
            [&](int pass) { return b + int64_t(b_rows[pass]) * int(op.b_pitch); });
    a_rows.look_up();
    b_rows.look_up();
    left -= A::kDepth;
    return true;
  });
  const bool paired = pairs_are_aligned(op.partial, op.b_width);
  product.each(memory, [&](int row, int column, acc_t<scalar_t>* sum) {
    if (m0 + row >= op.a_width || n0 + column >= op.b_width) return;
    acc_t<scalar_t>* to =
        op.partial + (int64_t(result) * op.a_width + m0 + row) * op.b_width + n0 + column;
    store_neighbours<Product::kNeighbours>(to, sum, int(op.b_width) - n0 - column, paired);
  });
}

// Half of the threads take the even rows, half the odd ones; a thread owns one of 64 columns.
template <typename acc>
__device__ void sum_columns(const ColumnSum<acc>& op, unsigned task, acc* odd) {
  const unsigned across = unsigned(ceil_div(int(op.width), kColumns)), result = task / across;
  const unsigned batch = result / unsigned(op.chunks.slots);
  const int n = int((task - result * across) * kColumns + threadIdx.x % kColumns);
  const Slot slot = find_slot(op.order, op.chunks, int(result - batch * unsigned(op.chunks.slots)));
  if (slot.first >= slot.last) return;
  const acc* rows = op.rows + batch * op.order.rows * op.pitch;
  const int64_t half = threadIdx.x / kColumns;
  acc sum = 0;
  if (n < op.width) {
#pragma unroll 4
    for (int64_t k = slot.first + half; k < slot.last; k += 2)
      sum += rows[left_row(op.order, k) * op.pitch + n];
  }
  if (half == 1) odd[threadIdx.x % kColumns] = sum;
  __syncthreads();
  if (half == 0 && n < op.width)
    op.partial[int64_t(result) * op.width + n] = sum + odd[threadIdx.x];
  __syncthreads();
}

// A block owns a tile of a slot of a product, or 64 columns of a slot of a column sum.
template <typename scalar_t, typename Shape, Fp32Precision precision>
__global__ void __launch_bounds__(kThreads, kTileBlocks<precision>)
    weight_grads_kernel(const __grid_constant__ WeightGrads<scalar_t> grads) {
  begin_after_previous();
  using Product = ProductTile<scalar_t, Shape, precision, false, false>;
  __shared__ ProductStep<Product> memory[Shape::kStages];
  __shared__ acc_t<scalar_t> odd[kColumns];
  int total = 0;
  for (int i = 0; i < grads.products; ++i) total += int(count_tasks<Shape>(grads.product[i]));
  for (int i = 0; i < grads.columns; ++i) total += int(count_tasks<Shape>(grads.column[i]));
  for (int task = int(blockIdx.x); task < total; task += int(gridDim.x)) {
    int left = task, part = 0;
    while (part < grads.products && left >= count_tasks<Shape>(grads.product[part]))
      left -= int(count_tasks<Shape>(grads.product[part++]));
    if (part < grads.products) {
      multiply_slot<scalar_t, Product>(grads.product[part], left, memory);
      continue;
    }
    part = 0;
    while (left >= count_tasks<Shape>(grads.column[part]))
      left -= int(count_tasks<Shape>(grads.column[part++]));
    sum_columns(grads.column[part], left, odd);
  }
}

// A thread owns one element of a result and adds up its partial sums in order.
template <typename scalar_t>
__global__ void __launch_bounds__(kThreads)
    partial_sums_kernel(const __grid_constant__ PartialSums<scalar_t> sums) {
  begin_after_previous();
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

template <typename Shape, typename scalar_t>
int64_t count_products(const WeightGrads<scalar_t>& grads) {
  int64_t tasks = 0;
  for (int i = 0; i < grads.products; ++i) tasks += count_tasks<Shape>(grads.product[i]);
  return tasks;
}

template <typename Shape, Fp32Precision precision, typename scalar_t>
cudaError_t launch_tiles(const WeightGrads<scalar_t>& grads, cudaStream_t stream) {
  int64_t tasks = count_products<Shape>(grads);
  for (int i = 0; i < grads.columns; ++i) tasks += count_tasks<Shape>(grads.column[i]);
  return launch_tasks(tasks, stream, weight_grads_kernel<scalar_t, Shape, precision>, grads);
}

}  // namespace

template <typename scalar_t>
cudaError_t launch_weight_grads(const WeightGrads<scalar_t>& grads, cudaStream_t stream) {
  return with_precision<scalar_t>(grads.fp32_precision, [&](auto precision) {
    if constexpr (kLargeTiles<scalar_t>)
      if (count_products<LargeTile>(grads) >= many_tiles)
        return launch_tiles<LargeTile, precision.value>(grads, stream);
    return launch_tiles<SmallTile, precision.value>(grads, stream);
  });
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
