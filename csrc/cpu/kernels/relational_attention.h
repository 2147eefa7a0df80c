// Relational edge attention, forward: projections, scores and softmax, one weighted sum per
// (target, relation), then one matrix product per relation over its own sums.
#pragma once

#include "attention_pass.h"

namespace ariigcn::ARIIGCN_ISA {

// u = h W_dst and v = h W_src of the block's rows.
template <typename T>
void project(const AttentionPass<T>& pass) {
  const auto& op = pass.op;
  const Block& block = pass.block;
  const int64_t width = op.attn_feats, pitch = op.attn_pitch;
  const int64_t of_dst = product_tasks<T>(block.targets(), kRowsPerProduct, width);
  const int64_t of_src = product_tasks<T>(block.sources(), kRowsPerProduct, width);
  run_tasks(of_dst + of_src, [&] {
    return [&, panel = Buffer<T>(op.in_feats * kPanel<T>)](int64_t t) {
      const bool dst = t < of_dst;
      const T* weight = (dst ? op.weight_dst : op.weight_src) + pass.g * op.in_feats * width;
      const T* from = dst ? pass.dst_feat(block.dst) : pass.src_feat(block.src);
      T* to = dst ? pass.u : pass.v;
      const ProductTask<T> task(dst ? t : t - of_dst, dst ? block.targets() : block.sources(),
                                kRowsPerProduct, width);
      product<T>(
          {weight, width, op.in_feats, width, false}, task.n0, task.last - task.first,
          [&](int64_t m) { return from + (task.first + m) * op.in_feats; },
          [&](int64_t m) { return to + (task.first + m) * pitch; }, false, panel);
      for (int64_t m = task.first; m < task.last && task.n0 == 0; ++m)
        std::fill(to + m * pitch + width, to + (m + 1) * pitch, T(0));
    };
  });
}

// scores[0..degree) to their softmax.
template <typename T>
inline void softmax(T* scores, int64_t degree) {
  T largest = scores[0];
  for (int64_t e = 1; e < degree; ++e) largest = std::max(largest, scores[e]);
  for_vectors<T>(degree, [&](int64_t e, auto at) {
    at(scores + e, exp<T>(vec<T>(at(scores + e) - largest)));
  });
  T total = 0;
  for (int64_t e = 0; e < degree; ++e) total += scores[e];
  for (int64_t e = 0; e < degree; ++e) scores[e] /= total;
}

// The attention of target i's edges. `q[j]` is the score's part linear in v_j.
template <typename T, typename Act>
inline void attend(const AttentionPass<T>& pass, const Act& act, int64_t i, const T* w, const T* q,
                   T* row) {
  const auto& graph = pass.graph();
  T* alpha = pass.alpha();
  const auto v_of = [&](int64_t e) { return pass.v_row(graph.indices[e]); };
  const auto score = [&](int64_t first, int64_t last, int64_t r) {
    T by_relation = 0;
    for (int64_t k = 0; k < pass.op.attn_feats && pass.op.bias != nullptr; ++k)
      by_relation += act.linear() * w[k] * pass.bias(r)[k];
    reduce_rows<T>(first, last, v_of, pass.op.attn_pitch,
                   ScoreTerm<T, Act>{act, pass.biased(i, r, row), w, {}, {}},
                   [&](int64_t e, T sum) {
                     alpha[e] = act.scale() * sum + q[graph.indices[e] - pass.block.src] +
                                by_relation;
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
  softmax(alpha + first, last - first);
}

// q[j] = linear * w . v_j
template <typename T, typename Act>
void linear_scores(const AttentionPass<T>& pass, const Act& act, const T* w, T* q) {
  run_ranges(pass.block.sources(), kRowsPerProduct, [&](int64_t first, int64_t last) {
    reduce_rows<T>(
        first, last, [&](int64_t j) { return pass.v + j * pass.op.attn_pitch; },
        pass.op.attn_pitch, DotTerm<T>{w, {}}, [&](int64_t j, T sum) { q[j] = act.linear() * sum; });
  });
}

template <typename T, typename Act>
void attend_and_sum(const AttentionPass<T>& pass, const Act& act) {
  const auto& op = pass.op;
  Buffer<T> w(op.attn_pitch), q(pass.block.sources());
  std::fill(w + 0, w + op.attn_pitch, T(0));
  std::copy_n(op.score + pass.g * op.attn_feats, op.attn_feats, w + 0);
  linear_scores<T>(pass, act, w, q);
  const int64_t tasks = ceil_div(pass.block.targets(), kRowsPerEdgeTask);
  run_tasks(tasks, [&] {
    return [&, row = Buffer<T>(op.attn_pitch)](int64_t t) {
      const int64_t first = pass.block.dst + t * kRowsPerEdgeTask;
      for (int64_t i = first; i < std::min(first + kRowsPerEdgeTask, pass.block.dst_end); ++i) {
        attend<T>(pass, act, i, w, q, row);
        pass.sum_segments(i);
      }
    };
  });
}

template <typename T>
inline void gelu(const T* from, T* to, int64_t count) {
  for_vectors<T>(count, [&](int64_t k, auto at) {
    const vec<T> x = at(from + k);
    at(to + k, vec<T>(x * normal_cdf<T>(x)));
  });
}

// out_i = the sum over relations of (sum of i's segment) W_r; a task owns some targets and columns.
template <typename T>
void transform(const AttentionPass<T>& pass) {
  const auto& op = pass.op;
  const auto& graph = pass.graph();
  const Block& block = pass.block;
  const int64_t width = op.out_feats, range = product_range(graph, block);
  const auto row = [&](T* base, int64_t i) { return base + (pass.g * graph.num_dst + i) * width; };
  T* before = op.pre == nullptr ? op.out : op.pre;
  run_tasks(product_tasks<T>(block.targets(), range, width), [&] {
    return [&, panel = Buffer<T>(op.in_feats * kPanel<T>)](int64_t t) {
      const ProductTask<T> task(t, block.targets(), range, width);
      const int64_t first = block.dst + task.first, last = block.dst + task.last;
      const int64_t columns = std::min(kPanel<T>, width - task.n0);
      for (int64_t i = first; i < last; ++i)
        std::fill_n(row(before, i) + task.n0, columns, T(0));
      for (int64_t r = 0; r < graph.num_rels; ++r) {
        const int64_t begin = first_position(graph, block, r, first);
        const int64_t end = first_position(graph, block, r, last);
        product<T>(
            {pass.rel_weight(r), width, op.in_feats, width, false}, task.n0, end - begin,
            [&](int64_t m) { return pass.sums + (begin + m) * op.in_feats; },
            [&](int64_t m) {
              return row(before, graph.seg_dst[block.seg + block.order[begin + m]]);
            },
            true, panel);
      }
      for (int64_t i = first; i < last && op.gelu; ++i)
        gelu(row(before, i) + task.n0, row(op.out, i) + task.n0, columns);
    };
  });
}

template <typename T>
void relational_attention(const RelationalAttention<T>& op) {
  for_blocks(op.graph, [&](const Block& block) {
    const bool kept = op.u != nullptr;
    Buffer<T> u(kept ? 0 : block.targets() * op.attn_pitch);
    Buffer<T> v(kept ? 0 : block.sources() * op.attn_pitch);
    Buffer<T> sums(block.segments() * op.in_feats), factor(block.edges());
    for (int64_t g = 0; g < op.groups; ++g) {
      T* u_rows = kept ? op.u + (g * op.graph.num_dst + block.dst) * op.attn_pitch : u;
      T* v_rows = kept ? op.v + (g * op.graph.num_src + block.src) * op.attn_pitch : v;
      const AttentionPass<T> pass{op, block, g, u_rows, v_rows, sums, factor};
      project(pass);
      with_activation<T>(op.activation, op.slope, [&](auto act) { attend_and_sum<T>(pass, act); });
      transform(pass);
    }
  });
}

}  // namespace ariigcn::ARIIGCN_ISA
