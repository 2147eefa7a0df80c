// Products of rows with matrices. Rows of a tile that have a term in common are multiplied at once;
// the sum over a row's terms stays in registers.
#include "row_product.h"

#include "../../activation.h"
#include "../instantiate.h"
#include "../launch.h"
#include "../warp.h"
#include "product_tile.h"

namespace ariigcn {
namespace {

constexpr int64_t kNoTerm = INT64_MAX;

__host__ __device__ int64_t tiles(int64_t size) { return (size + kTileSide - 1) / kTileSide; }

template <typename scalar_t>
__host__ __device__ int64_t count_tasks(const RowProduct<scalar_t>& op) {
  return op.batches * tiles(op.rows) * tiles(op.width);
}

// The terms of one row: entries first .. last of its list.
struct TermList {
  int64_t row, first, last, out_row;
};

template <typename scalar_t>
__device__ TermList term_list(const RowProduct<scalar_t>& op, int64_t row) {
  if (row >= op.rows) return {row, 0, 0, 0};
  if (op.kind == RowTerms::kPlain) return {row, 0, op.pairs * op.heads, row};
  if (op.kind == RowTerms::kSegments) return {row, row, row + 1, op.relations.seg_order[row]};
  const int64_t i = op.relations.dst_order[row];
  const int64_t first = op.relations.indptr[i], last = op.relations.indptr[i + 1];
  if (first == last) return {row, 0, 0, i};
  return {row, op.relations.edge_seg[first], op.relations.edge_seg[last - 1] + 1, i};
}

template <typename scalar_t>
__device__ int64_t term_of(const RowProduct<scalar_t>& op, int64_t entry) {
  if (op.kind == RowTerms::kPlain) return entry;
  const bool ordered = op.kind == RowTerms::kSegments;
  return op.relations.seg_rel[ordered ? op.relations.seg_order[entry] : entry];
}

template <typename scalar_t>
__device__ int64_t group_of(const RowProduct<scalar_t>& op, int64_t batch, int64_t term) {
  return op.kind == RowTerms::kPlain ? batch * op.heads + term % op.heads : batch;
}

// Offset of the row of A that an entry multiplies.
template <typename scalar_t>
__device__ int64_t a_offset(const RowProduct<scalar_t>& op, int64_t batch, int64_t entry,
                            int64_t row) {
  if (op.kind == RowTerms::kTargets) row = entry;
  if (op.kind == RowTerms::kSegments) row = op.relations.seg_dst[op.relations.seg_order[entry]];
  return (group_of(op, batch, entry) / op.a_heads * op.a_rows + row) * op.a_pitch;
}

template <typename scalar_t>
__device__ const scalar_t* matrix_of(const RowProduct<scalar_t>& op, int64_t batch, int64_t term) {
  if (op.kind == RowTerms::kPlain)
    return op.b[term / op.heads] + group_of(op, batch, term) * op.b_size;
  return op.b[0] + (batch * op.relations.num_rels + term) * op.b_size;
}

// Walks over the terms of a tile's rows in increasing order. Threads below kTileSide own a row; all
// threads of the block call `next` together.
template <typename scalar_t>
struct TermWalk {
  struct Shared {
    int64_t lowest[kTileSide / kWarpSize];
    int64_t a_offset[kTileSide];  // of the rows that have the current term, else -1
  };
  const RowProduct<scalar_t>& op;
  Shared& shared;
  int64_t batch, term;
  TermList list;

  __device__ bool owns_row() const { return threadIdx.x < kTileSide; }

  __device__ void next() {
    int64_t own = kNoTerm;
    if (owns_row()) {
      if (list.first < list.last && term_of(op, list.first) == term) ++list.first;
      if (list.first < list.last) own = term_of(op, list.first);
      const int64_t lowest = warp_min(own);
      if (lane() == 0) shared.lowest[threadIdx.x / kWarpSize] = lowest;
    }
    __syncthreads();
    term = shared.lowest[0] < shared.lowest[1] ? shared.lowest[0] : shared.lowest[1];
    if (owns_row()) {
      const bool has_term = term != kNoTerm && own == term;
      shared.a_offset[threadIdx.x] = has_term ? a_offset(op, batch, list.first, list.row) : -1;
    }
    __syncthreads();
  }
};

template <typename scalar_t>
__device__ Vector<scalar_t> load_a(const RowProduct<scalar_t>& op, int64_t term, int64_t offset,
                                   int64_t k) {
  const int64_t count = offset < 0 ? 0 : op.depth - k;
  const scalar_t* a = op.a[op.kind == RowTerms::kPlain ? term / op.heads : 0];
  Vector<scalar_t> v = load_vector(a + offset + k, count, op.a_aligned);
  if (op.a_scale == nullptr) return v;
  const Vector<scalar_t> scale = load_vector(op.a_scale + offset + k, count, op.a_aligned);
  using acc = acc_t<scalar_t>;
#pragma unroll
  for (int i = 0; i < kVector<scalar_t>; ++i) v.set(i, scalar_t(acc(v[i]) * acc(scale[i])));
  return v;
}

template <typename scalar_t>
__device__ void finish(const RowProduct<scalar_t>& op, int64_t batch, int64_t row, int64_t column,
                       acc_t<scalar_t> sum) {
  using acc = acc_t<scalar_t>;
  for (int64_t h = 0; h < op.heads && op.offset != nullptr; ++h)
    sum += op.offset[((batch * op.heads + h) * op.rows + row) * op.width + column];
  const int64_t at = (batch * op.rows + row) * op.width + column;
  if (op.gelu_grad != nullptr) op.gelu_grad[at] = scalar_t(gelu_grad(sum));
  if (op.gelu) sum *= normal_cdf(sum);
  op.out[at] = scalar_t(acc(sum));
}

// A block owns 64 rows and 64 columns of a batch of one of the products.
template <typename scalar_t, bool kTensor, bool kBDepth>
__global__ void __launch_bounds__(kTileThreads)
    row_product_kernel(const __grid_constant__ RowProducts<scalar_t> products) {
  using Product = ProductTile<scalar_t, kTensor, true, kBDepth>;
  __shared__ ProductMemory<Product> memory;
  __shared__ typename TermWalk<scalar_t>::Shared shared;
  __shared__ int64_t out_rows[kTileSide];

  const int64_t of_first = count_tasks(products.part[0]);
  const int64_t total = of_first + (products.parts > 1 ? count_tasks(products.part[1]) : 0);
  for (int64_t task = blockIdx.x; task < total; task += gridDim.x) {
    const RowProduct<scalar_t>& op = products.part[task < of_first ? 0 : 1];
    const int64_t tile = task < of_first ? task : task - of_first;
    const int64_t n0 = tile % tiles(op.width) * kTileSide, rest = tile / tiles(op.width);
    const int64_t first_row = rest % tiles(op.rows) * kTileSide, batch = rest / tiles(op.rows);

    TermWalk<scalar_t> walk{op, shared, batch, -1, term_list(op, first_row + threadIdx.x)};
    if (walk.owns_row()) out_rows[threadIdx.x] = walk.list.out_row;
    walk.next();

    Product product;
    typename Product::A a;
    typename Product::B b;
    const auto fetch = [&](int64_t k0) {
      a.fetch([&](int row, int k) { return load_a(op, walk.term, shared.a_offset[row], k0 + k); });
      const scalar_t* matrix = matrix_of(op, batch, walk.term);
      b.fetch([&](int row, int column) {
        const int64_t k = k0 + (kBDepth ? column : row), n = n0 + (kBDepth ? row : column);
        const bool inside = k < op.depth && n < op.b_width;
        const int64_t count = kBDepth ? op.depth - k : op.b_width - n;
        return load_vector(matrix + (kBDepth ? n * op.b_pitch + k : k * op.b_pitch + n),
                           inside ? count : 0, op.b_aligned);
      });
    };
    int64_t k0 = 0;
    if (walk.term != kNoTerm) fetch(k0);
    while (walk.term != kNoTerm) {
      a.store(memory.step.a, Product::kTf32);
      b.store(memory.step.b, Product::kTf32);
      __syncthreads();
      k0 += kTileDepth<scalar_t>;
      if (k0 >= op.depth) {
        k0 = 0;
        walk.next();
      }
      if (walk.term != kNoTerm) fetch(k0);  // while the step before is multiplied
      product.add(elements(memory.step.a), elements(memory.step.b));
      __syncthreads();
    }
    memory.each(product, [&](int row, int column, acc_t<scalar_t> sum) {
      if (first_row + row < op.rows && n0 + column < op.width)
        finish(op, batch, out_rows[row], n0 + column, sum);
    });
  }
}

template <typename scalar_t, bool kTensor>
cudaError_t launch_rows(const RowProducts<scalar_t>& products, bool b_transposed,
                        cudaStream_t stream) {
  int64_t tasks = 0;
  for (int i = 0; i < products.parts; ++i) tasks += count_tasks(products.part[i]);
  return launch(tasks, kTileThreads, stream,
                b_transposed ? row_product_kernel<scalar_t, kTensor, true>
                             : row_product_kernel<scalar_t, kTensor, false>,
                products);
}

}  // namespace

template <typename scalar_t>
cudaError_t launch_row_products(const RowProducts<scalar_t>& products, bool b_transposed,
                                cudaStream_t stream) {
  constexpr bool kHalf = sizeof(scalar_t) == 2;
  if constexpr (std::is_same_v<scalar_t, float>)
    if (products.tf32) return launch_rows<float, true>(products, b_transposed, stream);
  return launch_rows<scalar_t, kHalf>(products, b_transposed, stream);
}

#define INSTANTIATE(scalar_t) \
  template cudaError_t launch_row_products(const RowProducts<scalar_t>&, bool, cudaStream_t);
FOR_SCALARS(INSTANTIATE)

}  // namespace ariigcn
