// One group's work on one block: where its rows are, and the steps that forward and backward share.
#pragma once

#include "../../../philox.h"
#include "../edge_rows.h"
#include "activation.h"
#include "block.h"

namespace ariigcn::ARIIGCN_ISA {

// Group g's score vector, filled up with zeros to the width of u and v.
template <typename T>
class ScoreVector : public Buffer<T> {
 public:
  ScoreVector(const RelationalAttention<T>& op, int64_t g) : Buffer<T>(op.attn_pitch) {
    std::copy_n(op.score + g * op.attn_feats, op.attn_feats, *this + 0);
    std::fill(*this + op.attn_feats, *this + op.attn_pitch, T(0));
  }
};

template <typename T>
struct AttentionPass {
  const RelationalAttention<T>& op;
  const Block& block;
  int64_t g;
  T *u, *v;   // rows of the block's first target and source
  T* factor;  // what each edge of the block multiplies its source by
  const T* dst_base = op.dst_feat + g / op.heads * op.graph.num_dst * op.in_feats;
  const T* src_base = op.src_feat + g / op.heads * op.graph.num_src * op.in_feats;

  const GraphPlan& graph() const { return op.graph; }
  const T* dst_feat(int64_t i) const { return dst_base + i * op.in_feats; }
  const T* src_feat(int64_t j) const { return src_base + j * op.in_feats; }
  T* u_row(int64_t i) const { return u + (i - block.dst) * op.attn_pitch; }
  T* v_row(int64_t j) const { return v + (j - block.src) * op.attn_pitch; }
  T* alpha() const { return op.alpha + g * op.graph.num_edges; }
  const T* rel_weight(int64_t r) const {
    return op.rel_weight + (g * op.graph.num_rels + r) * op.in_feats * op.out_feats;
  }
  const T* bias(int64_t r) const { return op.bias + (g * op.graph.num_rels + r) * op.attn_feats; }

  // Segments of target i, counted from the graph's first.
  std::pair<int64_t, int64_t> segments(int64_t i) const {
    const int64_t first = graph().indptr[i], last = graph().indptr[i + 1];
    if (first == last) return {0, 0};
    return {graph().edge_seg[first], graph().edge_seg[last - 1] + 1};
  }
  // Calls visit(first, last) for every run of target i's edges whose attention adds up to 1.
  template <typename Visit>
  void for_softmax_rows(int64_t i, const Visit& visit) const {
    if (!op.within_relation) return visit(graph().indptr[i], graph().indptr[i + 1]);
    const auto [first, last] = segments(i);
    for (int64_t s = first; s < last; ++s) visit(graph().seg_ptr[s], graph().seg_ptr[s + 1]);
  }
  // Row of segment s in a buffer of the block in order of relation.
  int64_t at(int64_t s) const { return block.position[s - block.seg]; }

  // What edge e of a segment contributes to its sum, apart from its attention: dropout, 1 / |N|.
  T scale(int64_t e, T mean) const {
    return op.keep < 1 ? mean * dropout_scale(op.seed, g, e, op.keep) : mean;
  }
  T mean(int64_t segment_size) const { return op.normalise ? 1 / T(segment_size) : T(1); }
  T weight(int64_t e) const { return op.edge_weight == nullptr ? T(1) : op.edge_weight[e]; }

  void set_factors(int64_t i) const {
    const auto [first, last] = segments(i);
    for (int64_t s = first; s < last; ++s) {
      const int64_t begin = graph().seg_ptr[s], end = graph().seg_ptr[s + 1];
      const T share = mean(end - begin);
      for (int64_t e = begin; e < end; ++e)
        factor[e - block.edge] = alpha()[e] * scale(e, share) * weight(e);
    }
  }

  // The sum of the weighted sources of the segment at `position`, columns k0 .. k0 + width.
  void sum_segment(int64_t position, int64_t k0, int64_t width, T* to) const {
    const int64_t s = block.seg + block.order[position], stride = op.in_feats;
    const T* base = src_base + k0;
    const IndexArray source = graph().indices;
    sum_rows<T>(
        graph().seg_ptr[s], graph().seg_ptr[s + 1],
        [=](int64_t e) { return base + source[e] * stride; }, width,
        WeightedTerm<T>{factor - block.edge}, to);
  }
  int64_t target(int64_t position) const {
    return graph().seg_dst[block.seg + block.order[position]];
  }

  // u_i, or with a bias u_i + b_r, which is then written to `row`.
  const T* biased(int64_t i, int64_t r, T* row) const {
    if (op.bias == nullptr) return u_row(i);
    for (int64_t k = 0; k < op.attn_feats; ++k) row[k] = u_row(i)[k] + bias(r)[k];
    for (int64_t k = op.attn_feats; k < op.attn_pitch; ++k) row[k] = 0;
    return row;
  }
};

// The tasks of a matrix product: ranges of rows times panels of columns.
template <typename T>
inline int64_t product_tasks(int64_t rows, int64_t range, int64_t width) {
  return ceil_div(rows, range) * ceil_div(width, kPanel<T>);
}

template <typename T>
struct ProductTask {
  int64_t first, last, n0;

  ProductTask(int64_t task, int64_t rows, int64_t range, int64_t width)
      : first(task / ceil_div(width, kPanel<T>) * range),
        last(std::min(rows, first + range)),
        n0(task % ceil_div(width, kPanel<T>) * kPanel<T>) {}
};

}  // namespace ariigcn::ARIIGCN_ISA
