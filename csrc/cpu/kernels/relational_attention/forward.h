// Relational edge attention, forward: projections, scores and softmax, one weighted sum per
// (target, relation), then one matrix product per relation over its own sums.
#pragma once

#include "pass.h"

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
    return [&, panel = Buffer<T>(panel_size<T>(op.in_feats))](int64_t t) {
      const bool dst = t < of_dst;
      const T* weight = (dst ? op.weight_dst : op.weight_src) + pass.g * op.in_feats * width;
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
  const int64_t pitch = pass.op.attn_pitch;
  const IndexArray source = graph.indices;
  const T* base = pass.v - pass.block.src * pitch;
  const auto v_of = [=](int64_t e) { return base + source[e] * pitch; };
  const auto score = [&](int64_t first, int64_t last, int64_t r) {
    T by_relation = 0;
    for (int64_t k = 0; k < pass.op.attn_feats && pass.op.bias != nullptr; ++k)
      by_relation += act.linear() * w[k] * pass.bias(r)[k];
    reduce_rows<T>(
        first, last, v_of, pass.op.attn_pitch,
        ScoreTerm<T, Act>{act, pass.biased(i, r, row), w, {}, {}}, [&](int64_t e, T sum) {
          alpha[e] = act.scale() * sum + q[graph.indices[e] - pass.block.src] + by_relation;
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
  pass.for_softmax_rows(i,
                        [&](int64_t begin, int64_t end) { softmax(alpha + begin, end - begin); });
}

// q[j] = linear * w . v_j
template <typename T, typename Act>
void linear_scores(const AttentionPass<T>& pass, const Act& act, const T* w, T* q) {
  run_ranges(pass.block.sources(), kRowsPerProduct, [&](int64_t first, int64_t last) {
    reduce_rows<T>(
        first, last, [&](int64_t j) { return pass.v + j * pass.op.attn_pitch; }, pass.op.attn_pitch,
        DotTerm<T>{w, {}}, [&](int64_t j, T sum) { q[j] = act.linear() * sum; });
  });
}

template <typename T, typename Act>
void attend_all(const AttentionPass<T>& pass, const Act& act) {
  const auto& op = pass.op;
  const ScoreVector<T> w(op, pass.g);
  const Buffer<T> q(pass.block.sources());
  linear_scores<T>(pass, act, w, q);
  target_tasks(op.graph, pass.block).run([&] {
    return [&, row = Buffer<T>(op.attn_pitch)](int64_t, int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        attend<T>(pass, act, i, w, q, row);
        pass.set_factors(i);
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

// out_i += (sum of i's segment) W_r for the segments of relation r at positions [at, last). The
// sums exist for a few rows at a time, near the core that uses them.
template <typename T>
void transform_relation(const AttentionPass<T>& pass, int64_t r, int64_t at, int64_t last, T* out,
                        T* sums, T* panel) {
  const auto& op = pass.op;
  const int64_t most = rows_in_cache(op.in_feats);
  for (; at < last; at += most) {
    const int64_t count = std::min(most, last - at);
    for (int64_t m = 0; m < count; ++m)
      pass.sum_segment(at + m, 0, op.in_feats, sums + m * op.in_feats);
    for (int64_t n = 0; n < op.out_feats; n += kPanel<T>)
      multiply_rows<T>(
          {pass.rel_weight(r), op.out_feats, op.in_feats, op.out_feats, false}, n, count,
          [&](int64_t m) { return sums + m * op.in_feats; },
          [&](int64_t m) { return out + pass.target(at + m) * op.out_feats; }, true, panel);
  }
}

// out_i = the sum of all relations' parts; a task owns some targets.
template <typename T>
void transform(const AttentionPass<T>& pass) {
  const auto& op = pass.op;
  if (op.out_feats == 0) return;  // only the attention is wanted
  const Block& block = pass.block;
  const int64_t range = product_range(op.graph, block, op.in_feats), width = op.out_feats;
  const int64_t start = pass.g * op.graph.num_dst * width;
  T *out = op.out + start, *before = op.pre == nullptr ? out : op.pre + start;
  // Every task packs the weights anew: hubs make but a few more of them for each thread.
  const int64_t share = block.edges() / (4 * torch::stable::get_num_threads());
  const RowTasks tasks(op.graph.indptr, block.dst, block.dst_end, range,
                       std::max(kEdgesPerTask, share));
  tasks.run([&] {
    return [&, sums = Buffer<T>(rows_in_cache(op.in_feats) * op.in_feats),
            panel = Buffer<T>(panel_size<T>(op.in_feats))](int64_t, int64_t first, int64_t last) {
      const int64_t count = (last - first) * width;
      std::fill_n(before + first * width, count, T(0));
      for (int64_t r = 0; r < op.graph.num_rels; ++r)
        transform_relation<T>(pass, r, first_position(op.graph, block, r, first),
                              first_position(op.graph, block, r, last), before, sums, panel);
      if (op.gelu) gelu(before + first * width, out + first * width, count);
    };
  });
}

template <typename T>
void relational_attention(const RelationalAttention<T>& op) {
  for_blocks(op.graph, [&](const Block& block) {
    const bool kept = op.u != nullptr;
    Buffer<T> u(kept ? 0 : block.targets() * op.attn_pitch);
    Buffer<T> v(kept ? 0 : block.sources() * op.attn_pitch);
    Buffer<T> factor(block.edges());
    for (int64_t g = 0; g < op.groups; ++g) {
      T* u_rows = kept ? op.u + (g * op.graph.num_dst + block.dst) * op.attn_pitch : u;
      T* v_rows = kept ? op.v + (g * op.graph.num_src + block.src) * op.attn_pitch : v;
      const AttentionPass<T> pass{op, block, g, u_rows, v_rows, factor};
      project(pass);
      with_activation<T>(op.activation, op.slope, [&](auto act) { attend_all<T>(pass, act); });
      transform(pass);
    }
  });
}

}  // namespace ariigcn::ARIIGCN_ISA
