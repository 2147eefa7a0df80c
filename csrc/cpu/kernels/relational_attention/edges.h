// The edge loops of the backward pass: first over targets, then over sources. Every sum is gathered
// by the row that owns it, so that nothing is added by two threads.
#pragma once

#include "pass.h"

namespace ariigcn::ARIIGCN_ISA {

template <typename T>
struct BackwardPass : AttentionPass<T> {
  const RelationalAttentionGrad<T>& grad;
  const T* grad_pre = nullptr;             // (targets, out_feats): by `out` before GELU
  T* grad_sums = nullptr;                  // by the segments' sums (segments by relation, in_feats)
  T* ds = nullptr;                         // by the scores (edges)
  T *grad_u = nullptr, *grad_v = nullptr;  // (rows, attn_pitch)
  // u_i + b_r and its gradient (segments by relation, attn_pitch)
  T *biased_u = nullptr, *grad_biased = nullptr;
  const T* w = nullptr;  // score vector, attn_pitch long
  T* grad_w = nullptr;   // one partial row per task, targets' tasks first
  bool first_block = true;

  bool first_head() const { return this->g % this->op.heads == 0; }
  const T* u_of(int64_t e) const {
    const int64_t s = this->graph().edge_seg[e];
    return this->op.bias == nullptr ? this->u_row(this->graph().seg_dst[s])
                                    : biased_u + this->at(s) * this->op.attn_pitch;
  }
};

// row[k] = w[k] (rest row[k] + base total), and its share of the gradient of w.
template <typename T, typename Act>
inline void finish_row(const BackwardPass<T>& pass, const Act& act, T total, const T* term, T* row,
                       T* grad_w) {
  for (int64_t k = 0; k < pass.op.attn_pitch; ++k) {
    const T by_activation = act.rest() * row[k] + act.base() * total;
    if (Act::kHomogeneous) grad_w[k] += by_activation * term[k];
    row[k] = by_activation * pass.w[k];
  }
}

// Gradients by what target i's edges multiply their sources by.
template <typename T>
inline void factor_grads(const BackwardPass<T>& pass, int64_t i) {
  const auto& graph = pass.graph();
  T* to = pass.ds - pass.block.edge;
  if (pass.op.out_feats == 0)  // nothing was multiplied
    return std::fill(to + graph.indptr[i], to + graph.indptr[i + 1], T(0));
  const auto [begin, end] = pass.segments(i);
  for (int64_t s = begin; s < end; ++s)
    reduce_rows<T>(
        graph.seg_ptr[s], graph.seg_ptr[s + 1],
        [&](int64_t e) { return pass.src_feat(graph.indices[e]); }, pass.op.in_feats,
        DotTerm<T>{pass.grad_sums + pass.at(s) * pass.op.in_feats, {}},
        [&](int64_t e, T dot) { to[e] = dot; });
}

// ds of target i's edges, from the gradients of its segments' sums and of the attention.
template <typename T>
inline void softmax_grad(const BackwardPass<T>& pass, int64_t i) {
  const auto& graph = pass.graph();
  const auto [begin, end] = pass.segments(i);
  const T* alpha = pass.alpha();
  T* ds = pass.ds - pass.block.edge;
  factor_grads<T>(pass, i);
  for (int64_t s = begin; s < end; ++s) {
    const int64_t first = graph.seg_ptr[s], last = graph.seg_ptr[s + 1];
    const T share = pass.mean(last - first);
    for (int64_t e = first; e < last; ++e) {
      const T by_factor = ds[e] * pass.scale(e, share);
      if (pass.grad.edge_weight != nullptr) {
        T& to = pass.grad.edge_weight[e];
        to = (pass.g > 0 ? to : T(0)) + alpha[e] * by_factor;
      }
      ds[e] = by_factor * pass.weight(e);
      if (pass.grad.grad_alpha != nullptr)
        ds[e] += pass.grad.grad_alpha[pass.g * graph.num_edges + e];
    }
  }
  pass.for_softmax_rows(i, [&](int64_t first, int64_t last) {
    T inner = 0;
    for (int64_t e = first; e < last; ++e) inner += alpha[e] * ds[e];
    for (int64_t e = first; e < last; ++e) ds[e] = alpha[e] * (ds[e] - inner);
  });
}

// For activations that are not homogeneous: grad_w += the sum over edges of ds term(u + v).
template <typename T, typename Act>
inline void add_term_sums(const BackwardPass<T>& pass, const Act& act, int64_t first, int64_t last,
                          const T* u, T* grad_w) {
  for (int64_t e = first; e < last; ++e) {
    const T* v = pass.v_row(pass.graph().indices[e]);
    for (int64_t k = 0; k < pass.op.attn_pitch; k += kLanes<T>)
      store(grad_w + k, load(grad_w + k) + splat(pass.ds[e - pass.block.edge]) *
                                               act.term(load(u + k) + load(v + k)));
  }
}

template <typename T, typename Act>
inline void target_grad(const BackwardPass<T>& pass, const Act& act, int64_t i, T* grad_w) {
  const auto& graph = pass.graph();
  const int64_t pitch = pass.op.attn_pitch;
  T* const own = pass.grad_u + (i - pass.block.dst) * pitch;
  const T* ds = pass.ds - pass.block.edge;
  const auto v_of = [&](int64_t e) { return pass.v_row(graph.indices[e]); };
  const auto gather = [&](int64_t first, int64_t last, const T* u, T total, T* to) {
    if (!Act::kHomogeneous) add_term_sums<T>(pass, act, first, last, u, grad_w);
    sum_rows<T>(first, last, v_of, pitch, StepTerm<T, Act>{act, u, ds}, to);
    finish_row<T>(pass, act, total, u, to, grad_w);
  };
  if (pass.op.bias == nullptr)  // the ds of a target add up to 0
    return gather(graph.indptr[i], graph.indptr[i + 1], pass.u_row(i), T(0), own);
  std::fill(own, own + pitch, T(0));
  const auto [begin, end] = pass.segments(i);
  for (int64_t s = begin; s < end; ++s) {
    T* u = pass.biased_u + pass.at(s) * pitch;
    T* to = pass.grad_biased + pass.at(s) * pitch;
    pass.biased(i, graph.seg_rel[s], u);
    T total = 0;
    for (int64_t e = graph.seg_ptr[s]; e < graph.seg_ptr[s + 1]; ++e) total += ds[e];
    gather(graph.seg_ptr[s], graph.seg_ptr[s + 1], u, total, to);
    for (int64_t k = 0; k < pitch; ++k) own[k] += to[k];
  }
}

// The gradient of source j's features as they were summed, with the factors of its edges.
template <typename T>
inline void summed_grad(const BackwardPass<T>& pass, int64_t j, const T* factor, T* to) {
  const auto& graph = pass.graph();
  const int64_t first = graph.t_indptr[j], width = pass.op.in_feats;
  sum_rows<T>(
      0, graph.t_indptr[j + 1] - first,
      [&](int64_t k) {
        return pass.grad_sums + pass.at(graph.edge_seg[graph.t_eids[first + k]]) * width;
      },
      width, WeightedTerm<T>{factor}, to);
}

// Gradients of source j: its v, and its features as far as they were summed. `of_edge` and `row`
// are scratch: two numbers per edge, and a row of features.
template <typename T, typename Act>
inline void source_grad(const BackwardPass<T>& pass, const Act& act, int64_t j, T* of_edge, T* row,
                        T* grad_w) {
  const auto& graph = pass.graph();
  const auto& op = pass.op;
  const int64_t first = graph.t_indptr[j], degree = graph.t_indptr[j + 1] - first;
  const auto edge = [&](int64_t k) { return graph.t_eids[first + k]; };
  T *ds = of_edge, *factor = of_edge + degree, total = 0;
  for (int64_t k = 0; k < degree; ++k) {
    total += ds[k] = pass.ds[edge(k) - pass.block.edge];
    factor[k] = pass.factor[edge(k) - pass.block.edge];
  }
  T* own = pass.grad_v + (j - pass.block.src) * op.attn_pitch;
  sum_rows<T>(
      0, degree, [&](int64_t k) { return pass.u_of(edge(k)); }, op.attn_pitch,
      StepTerm<T, Act>{act, pass.v_row(j), ds}, own);
  finish_row<T>(pass, act, total, pass.v_row(j), own, grad_w);
  T* feat = pass.grad.src_feat + (pass.src_feat(j) - op.src_feat);
  if (op.out_feats == 0) {
    if (pass.first_head()) std::fill_n(feat, op.in_feats, T(0));
    return;
  }
  summed_grad<T>(pass, j, factor, pass.first_head() ? feat : row);
  for (int64_t k = 0; k < op.in_feats && !pass.first_head(); ++k) feat[k] += row[k];
}

// The most edges that leave a source of the block.
inline int64_t most_leaving(const GraphPlan& graph, const Block& block) {
  int64_t most = 0;
  for (int64_t j = block.src; j < block.src_end; ++j)
    most = std::max(most, graph.t_indptr[j + 1] - graph.t_indptr[j]);
  return most;
}

template <typename T, typename Act>
void edge_grads(const BackwardPass<T>& pass, const Act& act, const RowTasks& targets,
                const RowTasks& sources) {
  const int64_t pitch = pass.op.attn_pitch;
  std::fill_n(pass.grad_w, (targets.count() + sources.count()) * pitch, T(0));
  targets.run([&] {
    return [&](int64_t t, int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        softmax_grad<T>(pass, i);
        target_grad<T>(pass, act, i, pass.grad_w + t * pitch);
      }
    };
  });
  const int64_t degree = most_leaving(pass.graph(), pass.block);
  sources.run([&] {
    return [&, of_edge = Buffer<T>(2 * degree), row = Buffer<T>(pass.op.in_feats)](
               int64_t t, int64_t first, int64_t last) {
      for (int64_t j = first; j < last; ++j)
        source_grad<T>(pass, act, j, of_edge, row, pass.grad_w + (targets.count() + t) * pitch);
    };
  });
}

}  // namespace ariigcn::ARIIGCN_ISA
