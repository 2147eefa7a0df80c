// Relational edge attention, forward: projections, scores and softmax; the messages' sums are those
// of sum_first.h or transform_first.h.
#pragma once

#include "arrangement.h"
#include "sum_first.h"
#include "transform_first.h"

namespace ariigcn::ARIIGCN_ISA {

// u = h W_dst and v = h W_src of the block's rows.
template <typename T>
void project(const AttentionPass<T>& pass) {
  const auto& op = pass.op;
  const Block& block = pass.block;
  const int64_t width = pass.attn_feats, pitch = pass.pitch;
  const int64_t of_dst = product_tasks<T>(block.targets(), kRowsPerProduct, width);
  const int64_t of_src = product_tasks<T>(block.sources(), kRowsPerProduct, width);
  run_tasks(of_dst + of_src, [&] {
    return [&, panel = Buffer<T>(panel_size<T>(op.in_feats))](int64_t t) {
      const bool dst = t < of_dst;
      const T* weight =
          (dst ? op.weight_dst : op.weight_src) + pass.g * op.in_feats * op.attn_feats;
      const T* from = dst ? pass.dst_feat(block.dst) : pass.src_feat(block.src);
      T* to = dst ? pass.u : pass.v;
      const ProductTask<T> task(dst ? t : t - of_dst, dst ? block.targets() : block.sources(),
                                kRowsPerProduct, width);
      multiply_rows<T>(
          {weight, width, op.in_feats, width, false}, task.n0, task.last - task.first,
          [&](int64_t m) { return from + (task.first + m) * op.in_feats; },
          [&](int64_t m) { return to + (task.first + m) * pitch; }, false, panel);
      for (int64_t m = task.first; m < task.last && task.n0 == 0; ++m)
        std::fill(to + m * pitch + width, to + (m + 1) * pitch, T(0));
    };
  });
}

// Every head's scores of so many edges to their softmax.
template <typename T, typename Heads>
inline void softmax(const Heads& heads, T* scores, int64_t degree) {
  auto largest = heads.get(scores, 0);
  for (int64_t e = 1; e < degree; ++e) largest = heads.largest(largest, heads.get(scores, e));
  const vec<T> above = heads.repeated(largest);
  for_vectors<T>(degree * heads.count, [&](int64_t k, auto at) {
    at(scores + k, exp<T>(vec<T>(at(scores + k) - above)));
  });
  auto total = heads.get(scores, 0);
  for (int64_t e = 1; e < degree; ++e) total += heads.get(scores, e);
  const vec<T> whole = heads.repeated(total);
  for_vectors<T>(degree * heads.count,
                 [&](int64_t k, auto at) { at(scores + k, vec<T>(at(scores + k) / whole)); });
}

// The attention of target i's edges. `q[j]` is the score's part linear in v_j.
template <typename T, typename Act, typename Heads>
inline void attend(const AttentionPass<T>& pass, const Act& act, const Heads& heads, int64_t i,
                   const T* w, const T* q, T* row) {
  const auto& graph = pass.graph();
  T* alpha = pass.alpha();
  const int64_t pitch = pass.pitch;
  const IndexArray source = graph.indices;
  const T* base = pass.v - pass.block.src * pitch;
  const auto v_of = [=](int64_t e) { return base + source[e] * pitch; };
  const auto score = [&](int64_t first, int64_t last, int64_t r) {
    vec<T> by_column{};
    for_vectors<T>(pass.op.bias == nullptr ? 0 : pass.attn_feats,
                   [&](int64_t k, auto at) { by_column += load(w + k) * at(pass.bias(r) + k); });
    const auto by_relation = act.linear() * heads.fold(by_column);
    reduce_rows<T>(heads, first, last, v_of, pitch,
                   ScoreTerm<T, Act>{act, pass.biased(i, r, row), w, {}, {}},
                   [&](int64_t e, auto sum) {
                     const auto of_source = heads.get(q, graph.indices[e] - pass.block.src);
                     heads.put(alpha, e, act.scale() * sum + of_source + by_relation);
                   });
  };
  const int64_t first = graph.indptr[i], last = graph.indptr[i + 1];
  if (first == last) return;
  if (pass.op.bias == nullptr) {
    score(first, last, 0);
  } else {
    const auto [begin, end] = pass.segments(i);
    for (int64_t s = begin; s < end; ++s)
      score(graph.seg_ptr[s], graph.seg_ptr[s + 1], graph.seg_rel[s]);
  }
  pass.for_softmax_rows(i, [&](int64_t begin, int64_t end) {
    softmax(heads, alpha + begin * heads.count, end - begin);
  });
}

// q[j] = linear * w . v_j
template <typename T, typename Act, typename Heads>
void linear_scores(const AttentionPass<T>& pass, const Act& act, const Heads& heads, const T* w,
                   T* q) {
  run_ranges(pass.block.sources(), kRowsPerProduct, [&](int64_t first, int64_t last) {
    reduce_rows<T>(
        heads, first, last, [&](int64_t j) { return pass.v + j * pass.pitch; }, pass.pitch,
        DotTerm<T>{w, {}}, [&](int64_t j, auto sum) { heads.put(q, j, act.linear() * sum); });
  });
}

template <typename T, typename Act, typename Heads>
void attend_all(const AttentionPass<T>& pass, const Act& act, const Heads& heads) {
  const auto& op = pass.op;
  const ScoreVector<T> w(op, pass.g, pass.heads);
  const Buffer<T> q(pass.block.sources() * heads.count + kLanes<T>);
  linear_scores<T>(pass, act, heads, w, q);
  target_tasks(op.graph, pass.block).run([&] {
    return [&, row = Buffer<T>(pass.pitch)](int64_t, int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        attend<T>(pass, act, heads, i, w, q, row);
        pass.set_factors(heads, i);
      }
    };
  });
}

template <typename T>
void relational_attention(const RelationalAttention<T>& given) {
  const Arranged<T> arranged(given);
  const RelationalAttention<T>& op = arranged.op;
  for_blocks(op.graph, [&](const Block& block) {
    const bool kept = op.u != nullptr;
    const int64_t most = std::min<int64_t>(op.heads, kLanes<T>), pitch = score_pitch(op, most);
    Buffer<T> u(kept ? 0 : block.targets() * pitch), v(kept ? 0 : block.sources() * pitch);
    Buffer<T> factor(block.edges() * most + kLanes<T>);
    const SourcePairs pairs(op.graph, block, op.transforms_first);
    for_bundles<T>(op, [&](int64_t g, int64_t heads) {
      const int64_t own = score_pitch(op, heads);
      const AttentionPass<T> pass{
          op,
          block,
          g,
          heads,
          kept ? kept_rows(op, op.u, g, op.graph.num_dst) + block.dst * own : u,
          kept ? kept_rows(op, op.v, g, op.graph.num_src) + block.src * own : v,
          factor};
      project(pass);
      with_activation<T>(op.activation, op.slope, [&](auto act) {
        with_heads<T, act.kQuick>(heads, [&](const auto& of) { attend_all<T>(pass, act, of); });
      });
      op.transforms_first ? transform_first(pass, pairs) : sum_first(pass);
    });
  });
  if (op.u != nullptr) {
    clear_rest(op, op.u, op.graph.num_dst);
    clear_rest(op, op.v, op.graph.num_src);
  }
  arranged.put_back();
}

}  // namespace ariigcn::ARIIGCN_ISA
