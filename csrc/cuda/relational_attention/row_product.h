// Products of rows with matrices: out_row = sum over the row's terms of A_term B_term.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "../../graph_plan.h"
#include "../../relational_attention_options.h"

namespace ariigcn {

// What the terms of a row are.
enum class RowTerms {
  kPlain,           // row i of every A, times that A's B
  kTargets,         // of target i: every segment's row, times its relation's B
  kSegmentTargets,  // of a segment: its target's row, times its relation's B
  kSegments         // of a segment: its own row, times its relation's B
};

// The structure behind all but kPlain; tensors of the Python class Graph.
struct RelationRows {
  IndexArray indptr, edge_seg, seg_rel, seg_dst;
  IndexArray dst_order, seg_order;  // rows that share relations are neighbours in these
  int64_t num_rels;
};

// `depth` is summed over; `width` columns are written, zeros from b_width on.
template <typename scalar_t>
struct RowProduct {
  RowTerms kind;
  int64_t batches, rows, depth, width, b_width;
  // kPlain: batch z has terms 0 .. pairs * heads; term t is of pair t / heads, group z heads + t %
  // heads, and groups that share an A follow each other. Else the group is z, and B one of R.
  int64_t pairs = 1, heads = 1, a_heads = 1;
  RelationRows relations = {};
  const scalar_t *a[2], *b[2];
  int64_t a_rows, a_pitch;  // rows of a group of A, elements between them
  int64_t b_pitch, b_size;  // elements between rows, and between matrices
  // Whole vectors may be read wherever an element is; along the depth they hold nothing else.
  bool a_aligned, b_aligned;
  // Added to the result of transposed products, (batches heads, rows, width), or null.
  const acc_t<scalar_t>* offset;
  bool gelu;            // of products that are not transposed
  scalar_t* gelu_grad;  // GELU's derivative, or null
  scalar_t* out;        // this and that are (batches, rows, width)
};

// Up to two products in one launch; B is (depth, b_width), transposed (b_width, depth).
template <typename scalar_t>
struct RowProducts {
  RowProduct<scalar_t> part[2];
  int parts;
  Fp32Precision fp32_precision;
};

template <typename scalar_t>
cudaError_t launch_row_products(const RowProducts<scalar_t>& products, bool b_transposed,
                                cudaStream_t stream);

}  // namespace ariigcn
