// Products of rows with matrices. Rows of a tile that have a term in common are multiplied at once;
// the sum over a row's terms stays in registers.
#include "row_product.h"

#include "../gelu.h"
#include "../instantiate.h"
#include "../launch.h"
#include "../warp.h"
#include "product_tile.h"

namespace ariigcn {
namespace {

constexpr int kNoTerm = INT_MAX;

template <typename Shape, typename scalar_t>
__host__ __device__ int64_t count_tasks(const RowProduct<scalar_t>& op) {
  return op.batches * ceil_div(op.rows, Shape::kRows) * ceil_div(op.width, Shape::kColumns);
}

// The terms of one row: entries first .. last of its list.
struct TermList {
  int row, first, last, out_row;
};

template <typename scalar_t>
__device__ TermList term_list(const RowProduct<scalar_t>& op, int row) {
  if (row >= op.rows) return {row, 0, 0, 0};
  if (op.kind == RowTerms::kPlain) return {row, 0, int(op.pairs * op.heads), row};
  if (op.kind != RowTerms::kTargets) return {row, row, row + 1, int(op.relations.seg_order[row])};
  const int i = int(op.relations.dst_order[row]);
  const int64_t first = op.relations.indptr[i], last = op.relations.indptr[i + 1];
  if (first == last) return {row, 0, 0, i};
  return {row, int(op.relations.edge_seg[first]), int(op.relations.edge_seg[last - 1] + 1), i};
}

template <typename scalar_t>
__device__ int term_of(const RowProduct<scalar_t>& op, int entry) {
  if (op.kind == RowTerms::kPlain) return entry;
  const bool ordered = op.kind != RowTerms::kTargets;
  return int(op.relations.seg_rel[ordered ? op.relations.seg_order[entry] : entry]);
}

// The number of the row of A that an entry multiplies.
template <typename scalar_t>
__device__ int a_row(const RowProduct<scalar_t>& op, int entry, int row) {
  if (op.kind == RowTerms::kPlain) return row;
  if (op.kind == RowTerms::kTargets) return entry;
  const int segment = int(op.relations.seg_order[entry]);
  return op.kind == RowTerms::kSegments ? segment : int(op.relations.seg_dst[segment]);
}

// The matrices of a term.
template <typename scalar_t>
struct Factors {
  const scalar_t *a, *b;

  __device__ Factors(const RowProduct<scalar_t>& op, int batch, int term) {
    int group = batch, pair = 0, matrix = batch * int(op.relations.num_rels) + term;
    if (op.kind == RowTerms::kPlain) {
      pair = unsigned(term) / unsigned(op.heads);
      matrix = group = batch * int(op.heads) + term - pair * int(op.heads);
    }
    a = op.a[pair] + unsigned(group) / unsigned(op.a_heads) * op.a_rows * op.a_pitch;
    b = op.b[pair] + matrix * op.b_size;
  }
};

// Walks over the terms of a tile's rows in increasing order. Threads below kRows own a row; all
// threads of the block call `next` together.
template <typename scalar_t, int kRows>
struct TermWalk {
  static constexpr int kWarps = kRows / kWarpSize;
  struct Shared {
    int lowest[kWarps];
    int a_row[kRows];  // of the rows that have the current term, else -1
  };
  const RowProduct<scalar_t>& op;
  Shared& shared;
  int term;
  TermList list;

  __device__ bool owns_row() const { return threadIdx.x < kRows; }

  __device__ void next() {
    int own = kNoTerm;
    if (owns_row()) {
      if (list.first < list.last && term_of(op, list.first) == term) ++list.first;
      if (list.first < list.last) own = term_of(op, list.first);
      const int lowest = warp_min(own);
      if (lane() == 0) shared.lowest[threadIdx.x / kWarpSize] = lowest;
    }
    __syncthreads();
    term = shared.lowest[0];
#pragma unroll
    for (int w = 1; w < kWarps; ++w)
      if (shared.lowest[w] < term) term = shared.lowest[w];
    if (owns_row()) {
      const bool has_term = term != kNoTerm && own == term;
      shared.a_row[threadIdx.x] = has_term ? a_row(op, list.first, list.row) : -1;
    }
    __syncthreads();
  }
};

// Where a thread copies the steps of a term from.
template <typename scalar_t, typename Product, bool kBDepth>
struct TermSource {
  using A = typename Product::A;
  using B = typename Product::B;
  const RowProduct<scalar_t>& op;
  int n0;
  const scalar_t* a[A::kPasses];  // the vector of the term's first step
  const scalar_t* b;
  int64_t b_pass;       // from one of the thread's rows of B to its next
  unsigned a_rows = 0;  // a bit for each of A's rows that is there

  __device__ TermSource(const RowProduct<scalar_t>& op, int n0) : op(op), n0(n0) {
    b_pass = B::kRowsOfPass * op.b_pitch;
  }

  __device__ void begin_term(int batch, int term, const int* rows) {
    const Factors<scalar_t> factors(op, batch, term);
    a_rows = 0;
#pragma unroll
    for (int pass = 0; pass < A::kPasses; ++pass) {
      const int row = rows[A::row(pass)];
      if (row >= 0) a_rows |= 1u << pass;
      a[pass] = factors.a + int64_t(row) * int(op.a_pitch) + A::column();
    }
    const int b_row = B::row(0) + (kBDepth ? n0 : 0), b_column = B::column() + (kBDepth ? 0 : n0);
    b = factors.b + int64_t(b_row) * int(op.b_pitch) + b_column;
  }

  // Of B's rows, those of columns n0 .. or those of the depth that there is.
  __device__ unsigned b_rows(int k0) const {
    const int first = kBDepth ? n0 : k0, end = int(kBDepth ? op.b_width : op.depth);
    unsigned rows = 0;
#pragma unroll
    for (int pass = 0; pass < B::kPasses; ++pass)
      if (first + B::row(pass) < end) rows |= 1u << pass;
    return rows;
  }

  __device__ void copy(ProductStep<Product>& to, int k0) const {
    const int a_count = int(op.depth) - k0 - A::column();
    A::copy(to.a, a_count > 0 ? a_rows : 0, op.a_aligned, a_count,
            [&](int pass) { return a[pass] + k0; });
    const int b_count =
        kBDepth ? int(op.depth) - k0 - B::column() : int(op.b_width) - n0 - B::column();
    const scalar_t* first = b + (kBDepth ? k0 : k0 * op.b_pitch);
    B::copy(to.b, b_count > 0 ? b_rows(k0) : 0, op.b_aligned, b_count,
            [&](int pass) { return first + pass * b_pass; });
  }
};

// What becomes of neighbouring sums on their way to the result.
template <typename scalar_t, bool kBDepth, int kCount>
__device__ void finish(const RowProduct<scalar_t>& op, bool paired, int batch, int row, int column,
                       acc_t<scalar_t>* sum) {
  const int width = int(op.width), left = width - column;
  const int64_t at = (batch * op.rows + row) * width + column;
  if constexpr (kBDepth) {
    for (int h = 0; h < op.heads && op.offset != nullptr; ++h)
#pragma unroll
      for (int i = 0; i < kCount; ++i)
        if (i < left)
          sum[i] += op.offset[((batch * op.heads + h) * op.rows + row) * width + column + i];
  } else if (op.gelu) {
    acc_t<scalar_t> grad[kCount];
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const auto gelu = gelu_of(sum[i]);
      sum[i] = gelu.value;
      grad[i] = gelu.grad;
    }
    if (op.gelu_grad != nullptr) store_neighbours<kCount>(op.gelu_grad + at, grad, left, paired);
  }
  store_neighbours<kCount>(op.out + at, sum, left, paired);
}

// A block owns a tile of the rows and columns of a batch of one of the products.
template <typename scalar_t, typename Shape, Fp32Precision precision, bool kBDepth>
__global__ void __launch_bounds__(kTileThreads, kTileBlocks<precision>)
    row_product_kernel(const __grid_constant__ RowProducts<scalar_t> products) {
  begin_after_previous();
  using Product = ProductTile<scalar_t, Shape, precision, true, kBDepth>;
  using Walk = TermWalk<scalar_t, Shape::kRows>;
  __shared__ ProductStep<Product> memory[Shape::kStages];
  __shared__ typename Walk::Shared shared;
  __shared__ int out_rows[Shape::kRows];

  const int of_first = int(count_tasks<Shape>(products.part[0]));
  const int total = of_first + (products.parts > 1 ? int(count_tasks<Shape>(products.part[1])) : 0);
  for (int task = int(blockIdx.x); task < total; task += int(gridDim.x)) {
    const RowProduct<scalar_t>& op = products.part[task < of_first ? 0 : 1];
    const unsigned tile = task < of_first ? task : task - of_first;
    const unsigned across = unsigned(ceil_div(int(op.width), Shape::kColumns));
    const unsigned down = unsigned(ceil_div(int(op.rows), Shape::kRows));
    const unsigned tile_row = tile / across;
    const int n0 = int(tile - tile_row * across) * Shape::kColumns;
    const int batch = int(tile_row / down);
    const int first_row = (int(tile_row) - batch * int(down)) * Shape::kRows;

    Walk walk{op, shared, -1, term_list(op, first_row + int(threadIdx.x))};
    if (walk.owns_row()) out_rows[threadIdx.x] = walk.list.out_row;
    TermSource<scalar_t, Product, kBDepth> source(op, n0);
    const auto next_term = [&] {
      walk.next();
      if (walk.term != kNoTerm) source.begin_term(batch, walk.term, shared.a_row);
    };
    next_term();
    int k0 = 0;
    Product product;
    add_steps(product, memory, [&](ProductStep<Product>& to) {
      if (walk.term == kNoTerm) return false;
      source.copy(to, k0);
      k0 += Product::A::kDepth;
      if (k0 >= op.depth) {
        k0 = 0;
        next_term();
      }
      return true;
    });
    const bool paired = pairs_are_aligned(op.out, op.width) &&
                        (op.gelu_grad == nullptr || pairs_are_aligned(op.gelu_grad, op.width));
    product.each(memory, [&](int row, int column, acc_t<scalar_t>* sum) {
      if (first_row + row < op.rows && n0 + column < op.width)
        finish<scalar_t, kBDepth, Product::kNeighbours>(op, paired, batch, out_rows[row],
                                                        n0 + column, sum);
    });
    __syncthreads();  // out_rows have been read
  }
}

template <typename Shape, Fp32Precision precision, typename scalar_t>
cudaError_t launch_tiles(const RowProducts<scalar_t>& products, bool b_transposed,
                         cudaStream_t stream) {
  int64_t tasks = 0;
  for (int i = 0; i < products.parts; ++i) tasks += count_tasks<Shape>(products.part[i]);
  return launch_tasks(tasks, stream,
                      b_transposed ? row_product_kernel<scalar_t, Shape, precision, true>
                                   : row_product_kernel<scalar_t, Shape, precision, false>,
                      products);
}

template <Fp32Precision precision, typename scalar_t>
cudaError_t launch_rows(const RowProducts<scalar_t>& products, bool b_transposed,
                        cudaStream_t stream) {
  if constexpr (kLargeTiles<scalar_t>) {
    int64_t tasks = 0;
    for (int i = 0; i < products.parts; ++i) tasks += count_tasks<LargeTile>(products.part[i]);
    if (tasks >= many_tiles)
      return launch_tiles<LargeTile, precision>(products, b_transposed, stream);
  }
  return launch_tiles<SmallTile, precision>(products, b_transposed, stream);
}

}  // namespace

template <typename scalar_t>
cudaError_t launch_row_products(const RowProducts<scalar_t>& products, bool b_transposed,
                                cudaStream_t stream) {
  return with_precision<scalar_t>(products.fp32_precision, [&](auto precision) {
    return launch_rows<precision.value>(products, b_transposed, stream);
  });
}

#define INSTANTIATE(scalar_t) \
  template cudaError_t launch_row_products(const RowProducts<scalar_t>&, bool, cudaStream_t);
FOR_SCALARS(INSTANTIATE)

}  // namespace ariigcn
