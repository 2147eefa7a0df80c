// One group's work on one block: where its rows are, and the steps that forward and backward share.
#pragma once

#include "../../philox.h"
#include "activation.h"
#include "attention_block.h"
#include "edge_rows.h"

namespace ariigcn::ARIIGCN_ISA {

constexpr int64_t kRowsPerProduct = 192;  // rows of one task of a matrix product
constexpr int64_t kRowsPerEdgeTask = 32;  // targets or sources of one task of an edge loop

template <typename T>
struct AttentionPass {
  const RelationalAttention<T>& op;
  const Block& block;
  int64_t g;
  T *u, *v;          // rows of the block's first target and source
  T* sums;           // (segments in order of relation, in_feats)
  T* factor;         // what each edge of the block multiplies its source by

  const AttentionGraph& graph() const { return op.graph; }
  const T* dst_feat(int64_t i) const {
    return op.dst_feat + (g / op.heads * op.graph.num_dst + i) * op.in_feats;
  }
  const T* src_feat(int64_t j) const {
    return op.src_feat + (g / op.heads * op.graph.num_src + j) * op.in_feats;
  }
  T* u_row(int64_t i) const { return u + (i - block.dst) * op.attn_pitch; }
  T* v_row(int64_t j) const { return v + (j - block.src) * op.attn_pitch; }
  T* alpha() const { return op.alpha + g * op.graph.num_edges; }
  const T* rel_weight(int64_t r) const {
    return op.rel_weight + (g * op.graph.num_rels + r) * op.in_feats * op.out_feats;
  }
  const T* bias(int64_t r) const {
    return op.bias + (g * op.graph.num_rels + r) * op.attn_feats;
  }

  // Segments of target i, counted from the graph's first.
  std::pair<int64_t, int64_t> segments(int64_t i) const {
    const int64_t first = graph().indptr[i], last = graph().indptr[i + 1];
    if (first == last) return {0, 0};
    return {graph().edge_seg[first], graph().edge_seg[last - 1] + 1};
  }
  // Row of segment s in a buffer of the block in order of relation.
  int64_t at(int64_t s) const { return block.position[s - block.seg]; }

  // What edge e contributes to its segment's sum, apart from its attention: dropout and 1 / |N|.
  T scale(int64_t e, int64_t segment_size) const {
    T scale = op.normalise ? 1 / T(segment_size) : T(1);
    if (op.keep < 1) scale *= dropout_scale(op.seed, g, e, op.keep);
    return scale;
  }
  T weight(int64_t e) const { return op.edge_weight == nullptr ? T(1) : op.edge_weight[e]; }

  // The factors of target i's edges and the weighted sums of its segments.
  void sum_segments(int64_t i) const {
    const auto [first, last] = segments(i);
    for (int64_t s = first; s < last; ++s) {
      const int64_t begin = graph().seg_ptr[s], end = graph().seg_ptr[s + 1];
      for (int64_t e = begin; e < end; ++e)
        factor[e - block.edge] = alpha()[e] * scale(e, end - begin) * weight(e);
      sum_rows<T>(
          begin, end, [&](int64_t e) { return src_feat(graph().indices[e]); }, op.in_feats,
          WeightedTerm<T>{factor - block.edge}, sums + at(s) * op.in_feats);
    }
  }

  // u_i, or with a bias u_i + b_r, which is then written to `row`.
  const T* biased(int64_t i, int64_t r, T* row) const {
    if (op.bias == nullptr) return u_row(i);
    for (int64_t k = 0; k < op.attn_feats; ++k) row[k] = u_row(i)[k] + bias(r)[k];
    for (int64_t k = op.attn_feats; k < op.attn_pitch; ++k) row[k] = 0;
    return row;
  }
};

// Calls product(first row, last row, panel) for all ranges of rows and panels of columns; `scratch`
// holds the packed panel.
template <typename T>
inline int64_t product_tasks(int64_t rows, int64_t range, int64_t width) {
  return ceil_div(rows, range) * ceil_div(width, kPanel<T>);
}

// Rows [first, last) of left . b, columns n0 .. of one panel.
template <typename T, typename Left, typename Out>
inline void product(const Matrix<T>& b, int64_t n0, int64_t count, const Left& left, const Out& out,
                    bool add, T* panel) {
  const int64_t width = std::min(kPanel<T>, b.width - n0);
  if (count == 0) return;
  pack(b, n0, width, panel);
  multiply_rows<T>(
      count, b.depth, left, panel, width, [&](int64_t m) { return out(m) + n0; }, add);
}

// Work of one task among those of `product_tasks`.
template <typename T>
struct ProductTask {
  int64_t first, last, n0;

  ProductTask(int64_t task, int64_t rows, int64_t range, int64_t width)
      : first(task / ceil_div(width, kPanel<T>) * range),
        last(std::min(rows, first + range)),
        n0(task % ceil_div(width, kPanel<T>) * kPanel<T>) {}
};

}  // namespace ariigcn::ARIIGCN_ISA
