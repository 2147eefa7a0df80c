// The work of some heads on one block: where their rows are, and the steps that forward and
// backward share.
#pragma once

#include "../../../philox.h"
#include "../edge_rows.h"
#include "activation.h"
#include "block.h"

namespace ariigcn::ARIIGCN_ISA {

// How many of so many heads are worked on together, their numbers side by side.
template <typename T>
inline int64_t bundle_size(int64_t left) {
  return largest_power(std::min<int64_t>(left, kLanes<T>));
}
// Calls work(first, heads) for all bundles of `count` heads.
template <typename T, typename Work>
inline void for_bundles(int64_t count, const Work& work) {
  for (int64_t h = 0, heads; h < count; h += heads) work(h, heads = bundle_size<T>(count - h));
}
// Calls work(g, heads) for the bundles of every modality, of which g is the first group.
template <typename T, typename Work>
inline void for_bundles(const RelationalAttention<T>& op, const Work& work) {
  for (int64_t g = 0; g < op.groups; g += op.heads)
    for_bundles<T>(op.heads, [&](int64_t h, int64_t heads) { work(g + h, heads); });
}

// A row for the scores of so many heads: as u and v have them, filled up to whole vectors.
template <typename T>
inline int64_t score_pitch(const RelationalAttention<T>& op, int64_t heads) {
  return round_to_lanes<T>(heads * op.attn_feats);
}
// Where the rows of the bundle from group g on begin in a kept tensor, that of u or v, in which the
// bundles of a modality follow each other, each with a row for every one of `nodes`.
template <typename T>
inline T* kept_rows(const RelationalAttention<T>& op, T* kept, int64_t g, int64_t nodes) {
  int64_t before = g / op.heads * op.kept_pitch;
  for_bundles<T>(g % op.heads, [&](int64_t, int64_t heads) { before += score_pitch(op, heads); });
  return kept + before * nodes;
}
// What of that is left over, so that no result holds what was in memory before.
template <typename T>
inline void clear_rest(const RelationalAttention<T>& op, T* kept, int64_t nodes) {
  for (int64_t g = op.heads; g <= op.groups; g += op.heads) {
    T* end = kept_rows(op, kept, g, nodes);
    int64_t used = 0;
    for_bundles<T>(op.heads, [&](int64_t, int64_t heads) { used += score_pitch(op, heads); });
    T* rest = end - (op.kept_pitch - used) * nodes;
    run_ranges(end - rest, 1 << 16,
               [&](int64_t first, int64_t last) { std::fill(rest + first, rest + last, T(0)); });
  }
}
// The score vectors of the heads from group g on, such a row.
template <typename T>
class ScoreVector : public Buffer<T> {
 public:
  ScoreVector(const RelationalAttention<T>& op, int64_t g, int64_t heads)
      : Buffer<T>(score_pitch(op, heads)) {
    std::copy_n(op.score + g * op.attn_feats, heads * op.attn_feats, *this + 0);
    std::fill(*this + heads * op.attn_feats, *this + score_pitch(op, heads), T(0));
  }
};

// What lies in `op` by groups starts at group g, and has the numbers of `heads` heads side by side.
template <typename T>
struct AttentionPass {
  const RelationalAttention<T>& op;
  const Block& block;
  int64_t g, heads;
  T *u, *v;     // rows of the block's first target and source
  T* factor;    // room for what each edge of the block multiplies its source by, for every head
  T* hub_sums;  // room for a row of in_feats for every head and part of a hub
  const int64_t attn_feats = heads * op.attn_feats, pitch = score_pitch(op, heads);
  const T* dst_base = op.dst_feat + g / op.heads * op.graph.num_dst * op.in_feats;
  const T* src_base = op.src_feat + g / op.heads * op.graph.num_src * op.in_feats;

  const GraphPlan& graph() const { return op.graph; }
  const T* dst_feat(int64_t i) const { return dst_base + i * op.in_feats; }
  const T* src_feat(int64_t j) const { return src_base + j * op.in_feats; }
  T* u_row(int64_t i) const { return u + (i - block.dst) * pitch; }
  T* v_row(int64_t j) const { return v + (j - block.src) * pitch; }
  // By edges of the graph.
  T* alpha() const { return op.alpha + g * op.graph.num_edges; }
  const T* bias(int64_t r) const {
    return op.bias + g * op.graph.num_rels * op.attn_feats + r * attn_feats;
  }

  // Segments of target i, counted from the graph's first.
  std::pair<int64_t, int64_t> segments(int64_t i) const {
    const int64_t first = graph().indptr[i], last = graph().indptr[i + 1];
    if (first == last) return {0, 0};
    return {graph().edge_seg[first], graph().edge_seg[last - 1] + 1};
  }
  // Asks for columns k0 .. k0 + width of a segment's first sources ahead of their use. Inlined in
  // any case: compilers drop calls that do nothing else.
  __attribute__((always_inline)) void prefetch_sources(int64_t s, int64_t k0, int64_t width) const {
    constexpr int64_t most = 16, line = 64 / sizeof(T);
    const int64_t first = graph().seg_ptr[s], last = graph().seg_ptr[s + 1];
    for (int64_t e = first; e < std::min(last, first + most); ++e)
      for (int64_t k = 0; k < width; k += line)
        __builtin_prefetch(src_feat(graph().indices[e]) + k0 + k);
  }
  // Calls visit(first, last) for every run of target i's edges whose attention adds up to 1.
  template <typename Visit>
  void for_softmax_rows(int64_t i, const Visit& visit) const {
    if (!op.within_relation) return visit(graph().indptr[i], graph().indptr[i + 1]);
    const auto [first, last] = segments(i);
    for (int64_t s = first; s < last; ++s) visit(graph().seg_ptr[s], graph().seg_ptr[s + 1]);
  }
  // What those runs are of, where hubs have several parts.
  int64_t HubPart::* softmax_rows() const {
    return op.within_relation ? &HubPart::segment : &HubPart::row;
  }
  // Row of segment s in a buffer of the block in order of relation.
  int64_t at(int64_t s) const { return block.position[s - block.seg]; }

  // What edge e of a segment contributes to its sum, apart from its attention: dropout, 1 / |N|.
  template <typename Heads>
  typename Heads::Value scale(const Heads& of, int64_t e, T mean) const {
    if (op.keep == 1) return typename Heads::Value{} + mean;
    T scales[kLanes<T>];
    for (int64_t h = 0; h < heads; ++h)
      scales[h] = mean * dropout_scale(op.seed, g + h, e, op.keep);
    return of.get(scales, 0);
  }
  T mean(int64_t segment_size) const { return op.normalise ? 1 / T(segment_size) : T(1); }
  T weight(int64_t e) const { return op.edge_weight == nullptr ? T(1) : op.edge_weight[e]; }

  // Whether edges multiply their sources by their attention alone.
  bool attention_alone() const {
    return op.keep == 1 && !op.normalise && op.edge_weight == nullptr;
  }
  T* factors() const { return attention_alone() ? alpha() : factor - block.edge * heads; }
  template <typename Heads>
  void set_factors(const Heads& of, int64_t i) const {
    if (attention_alone()) return;
    const auto [first, last] = segments(i);
    for (int64_t s = first; s < last; ++s)
      set_factors(of, s, graph().seg_ptr[s], graph().seg_ptr[s + 1]);
  }
  // Of edges of segment s.
  template <typename Heads>
  void set_factors(const Heads& of, int64_t s, int64_t first, int64_t last) const {
    if (attention_alone()) return;
    const T share = mean(graph().seg_ptr[s + 1] - graph().seg_ptr[s]);
    for (int64_t e = first; e < last; ++e)
      of.put(factors(), e, of.get(alpha(), e) * scale(of, e, share) * weight(e));
  }

  int64_t target(int64_t position) const {
    return graph().seg_dst[block.seg + block.order[position]];
  }

  // u_i, or with a bias u_i + b_r, which is then written to `row`.
  const T* biased(int64_t i, int64_t r, T* row) const {
    if (op.bias == nullptr) return u_row(i);
    for (int64_t k = 0; k < attn_feats; ++k) row[k] = u_row(i)[k] + bias(r)[k];
    std::fill(row + attn_feats, row + pitch, T(0));
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
