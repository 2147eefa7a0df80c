// Gradients of weights: sums over many rows of the outer product of two rows, or of one row alone.
// The rows are cut into chunks whose partial sums are added in their order, so that the result does
// not depend on the device.
#pragma once

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstdint>

#include "../../graph_plan.h"
#include "../../relational_attention_options.h"

namespace ariigcn {

// Rows in the order of the sum; `rel_ptr` (R + 1) divides them among R results. Where it is null,
// all are of one result, and row k is number k.
struct RowOrder {
  int64_t rows;
  IndexArray rel_ptr, order, seg_dst;
  int64_t num_rels;

  int64_t rels() const { return rel_ptr ? num_rels : 1; }
};

// A chunk holds rows of several relations where one ends: the partial sum of relation r in chunk c
// is number c + r. So the r-th's are contiguous, and none is of two pairs.
struct Chunks {
  int64_t size, slots;

  Chunks() = default;
  Chunks(const RowOrder& order, int64_t smallest, int64_t most)
      : size(std::max(smallest, (order.rows + most - 1) / most)),
        slots((order.rows + size - 1) / size + order.rels() - 1) {}
};

// partial[batch][slot] = sum over the rows of a slot of a_row^T b_row, (a_width, b_width); that of
// a slot without rows is not written, and nothing reads it.
template <typename scalar_t>
struct OuterProduct {
  RowOrder order;
  Chunks chunks;
  int64_t batches, a_width, b_width;
  int64_t a_heads;  // batches that share an A follow each other
  const scalar_t *a, *b;
  int64_t a_rows, a_pitch, b_rows, b_pitch;
  bool a_aligned, b_aligned;
  acc_t<scalar_t>* partial;
};

// partial[batch][slot] = sum over the rows of a slot of row, (width).
template <typename acc>
struct ColumnSum {
  RowOrder order;
  Chunks chunks;
  int64_t batches, width, pitch;
  const acc* rows;
  acc* partial;
};

// out[batch][r] = sum of the partial sums of relation r, (size).
template <typename scalar_t>
struct PartialSum {
  RowOrder order;
  Chunks chunks;
  int64_t batches, size;
  const acc_t<scalar_t>* partial;
  scalar_t* out;
};

// The products that take longest come first, so that the last blocks are short ones.
template <typename scalar_t>
struct WeightGrads {
  OuterProduct<scalar_t> product[3];
  ColumnSum<acc_t<scalar_t>> column[2];
  int products, columns;
  Fp32Precision fp32_precision;
};

template <typename scalar_t>
struct PartialSums {
  PartialSum<scalar_t> part[6];
  int parts;
};

template <typename scalar_t>
cudaError_t launch_weight_grads(const WeightGrads<scalar_t>& grads, cudaStream_t stream);

template <typename scalar_t>
cudaError_t launch_partial_sums(const PartialSums<scalar_t>& sums, cudaStream_t stream);

}  // namespace ariigcn
