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

// Every head's scores of so many edges to their softmax, in steps.
template <typename T, typename Heads>
inline auto largest_score(const Heads& heads, const T* scores, int64_t degree) {
  auto largest = heads.get(scores, 0);
  for (int64_t e = 1; e < degree; ++e) largest = heads.largest(largest, heads.get(scores, e));
  return largest;
}
template <typename T, typename Heads>
inline auto sum_exponentials(const Heads& heads, typename Heads::Value largest, T* scores,
                             int64_t degree) {
  const vec<T> above = heads.repeated(largest);
  for_vectors<T>(degree * heads.count, [&](int64_t k, auto at) {
    at(scores + k, exp<T>(vec<T>(at(scores + k) - above)));
  });
  auto total = heads.get(scores, 0);
  for (int64_t e = 1; e < degree; ++e) total += heads.get(scores, e);
  return total;
}
template <typename T, typename Heads>
inline void divide(const Heads& heads, typename Heads::Value total, T* scores, int64_t degree) {
  const vec<T> whole = heads.repeated(total);
  for_vectors<T>(degree * heads.count,
                 [&](int64_t k, auto at) { at(scores + k, vec<T>(at(scores + k) / whole)); });
}
template <typename T, typename Heads>
inline void softmax(const Heads& heads, T* scores, int64_t degree) {
  const auto largest = largest_score<T>(heads, scores, degree);
  divide<T>(heads, sum_exponentials<T>(heads, largest, scores, degree), scores, degree);
}

// What the scores of a block's edges are made of besides u and v: the score vectors, and what of
// each source's score is linear in its v.
template <typename T>
struct ScoreParts {
  const T *w, *q;
};

// The scores of edges of target i, which all are of relation r unless there is no bias. `row` is
// scratch.
template <typename T, typename Act, typename Heads>
inline void score_edges(const AttentionPass<T>& pass, const Act& act, const Heads& heads,
                        const ScoreParts<T>& of, int64_t i, int64_t r, int64_t first, int64_t last,
                        T* row) {
  const int64_t pitch = pass.pitch;
  const IndexArray source = pass.graph().indices;
  const T* base = pass.v - pass.block.src * pitch;
  vec<T> by_column{};
  for_vectors<T>(pass.op.bias == nullptr ? 0 : pass.attn_feats,
                 [&](int64_t k, auto at) { by_column += load(of.w + k) * at(pass.bias(r) + k); });
  const auto by_relation = act.linear() * heads.fold(by_column);
  reduce_rows<T>(
      heads, first, last, [=](int64_t e) { return base + source[e] * pitch; }, pitch,
      ScoreTerm<T, Act>{act, pass.biased(i, r, row), of.w, {}, {}},
      [&](int64_t e, auto sum) {
        const auto of_source = heads.get(of.q, source[e] - pass.block.src);
        heads.put(pass.alpha(), e, act.scale() * sum + of_source + by_relation);
      });
}

// The attention of target i's edges.
template <typename T, typename Act, typename Heads>
inline void attend(const AttentionPass<T>& pass, const Act& act, const Heads& heads,
                   const ScoreParts<T>& of, int64_t i, T* row) {
  const auto& graph = pass.graph();
  const int64_t first = graph.indptr[i], last = graph.indptr[i + 1];
  if (first == last) return;
  if (pass.op.bias == nullptr) {
    score_edges(pass, act, heads, of, i, 0, first, last, row);
  } else {
    const auto [begin, end] = pass.segments(i);
    for (int64_t s = begin; s < end; ++s)
      score_edges(pass, act, heads, of, i, graph.seg_rel[s], graph.seg_ptr[s], graph.seg_ptr[s + 1],
                  row);
  }
  pass.for_softmax_rows(i, [&](int64_t begin, int64_t end) {
    softmax(heads, pass.alpha() + begin * heads.count, end - begin);
  });
}

// The same for hubs: every step for all parts.
template <typename T, typename Act, typename Heads>
void attend_hubs(const AttentionPass<T>& pass, const Act& act, const Heads& heads,
                 const ScoreParts<T>& of, const HubParts& hubs) {
  const int64_t size = hubs.count() * heads.count + kLanes<T>;
  const Buffer<T> largest(size), total(size);
  const auto scores = [&](const HubPart& part) { return pass.alpha() + part.first * heads.count; };
  hubs.run([&] {
    return [&, row = Buffer<T>(pass.pitch)](int64_t p, const HubPart& part) {
      score_edges(pass, act, heads, of, part.row, pass.graph().seg_rel[part.segment], part.first,
                  part.last, row + 0);
      heads.put(largest, p, largest_score<T>(heads, scores(part), part.size()));
    };
  });
  hubs.join<T>(pass.softmax_rows(), heads, largest,
               [](auto a, auto b) { return Heads::largest(a, b); });
  hubs.run([&] {
    return [&](int64_t p, const HubPart& part) {
      heads.put(total, p,
                sum_exponentials<T>(heads, heads.get(largest, p), scores(part), part.size()));
    };
  });
  hubs.join<T>(pass.softmax_rows(), heads, total, [](auto a, auto b) { return a + b; });
  hubs.run([&] {
    return [&](int64_t p, const HubPart& part) {
      divide<T>(heads, heads.get(total, p), scores(part), part.size());
      pass.set_factors(heads, part.segment, part.first, part.last);
    };
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
  const ScoreParts<T> of{w, q};
  const EdgeTasks targets = target_tasks(op.graph, pass.block);
  attend_hubs<T>(pass, act, heads, of, targets.hubs);
  targets.run([&] {
    return [&, row = Buffer<T>(pass.pitch)](int64_t, int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        attend<T>(pass, act, heads, of, i, row);
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
    Buffer<T> hub_sums(hub_sums_size(op, block, most));
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
          factor,
          hub_sums};
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
