// The edge loops of the backward pass: first over targets, then over sources. Every sum is gathered
// by the row that owns it, so that nothing is added by two threads.
#pragma once

#include "backward_pass.h"

namespace ariigcn::ARIIGCN_ISA {

// row[k] = w[k] (rest row[k] + base total), and its share of the gradient of w.
template <typename T, typename Act>
inline void finish_row(const BackwardPass<T>& pass, const Act& act, vec<T> total, const T* term,
                       T* row, T* grad_w) {
  for (int64_t k = 0; k < pass.pitch; k += kLanes<T>) {
    const vec<T> by_activation = act.rest() * load(row + k) + act.base() * total;
    if (Act::kHomogeneous) store(grad_w + k, load(grad_w + k) + by_activation * load(term + k));
    store(row + k, by_activation * load(pass.w + k));
  }
}

// ds of target i's edges, from the gradients of its segments' sums and of the attention.
template <typename T, typename Heads>
inline void softmax_grad(const BackwardPass<T>& pass, const Heads& heads, int64_t i) {
  const auto& graph = pass.graph();
  const auto [begin, end] = pass.segments(i);
  const T *alpha = pass.alpha(), *by_alpha = pass.grad.grad_alpha;
  T* ds = pass.by_edge();
  const bool same = pass.attention_alone() && by_alpha == nullptr;
  for (int64_t s = begin; s < end && !same; ++s) {
    const int64_t first = graph.seg_ptr[s], last = graph.seg_ptr[s + 1];
    const T share = pass.mean(last - first);
    for (int64_t e = first; e < last; ++e) {
      const auto by_factor = heads.get(ds, e) * pass.scale(heads, e, share);
      if (pass.grad.edge_weight != nullptr) {
        T& to = pass.grad.edge_weight[e];
        to = (pass.g > 0 ? to : T(0)) + heads.total(heads.get(alpha, e) * by_factor);
      }
      auto own = by_factor * pass.weight(e);
      if (by_alpha != nullptr) own += heads.get(by_alpha + pass.g * graph.num_edges, e);
      heads.put(ds, e, own);
    }
  }
  pass.for_softmax_rows(i, [&](int64_t first, int64_t last) {
    typename Heads::Value inner{};
    for (int64_t e = first; e < last; ++e) inner += heads.get(alpha, e) * heads.get(ds, e);
    const vec<T> all = heads.repeated(inner);
    T* to = ds + first * heads.count;
    const T* from = alpha + first * heads.count;
    for_vectors<T>((last - first) * heads.count, [&](int64_t k, auto at) {
      at(to + k, vec<T>(at(from + k) * (at(to + k) - all)));
    });
  });
}

// For activations that are not homogeneous: grad_w += the sum over edges of ds term(u + v).
template <typename T, typename Act, typename Heads>
inline void add_term_sums(const BackwardPass<T>& pass, const Act& act, const Heads& heads,
                          int64_t first, int64_t last, const T* u, T* grad_w) {
  for (int64_t e = first; e < last; ++e) {
    const T* v = pass.v_row(pass.graph().indices[e]);
    const vec<T> ds = heads.repeated(heads.get(pass.by_edge(), e));
    for (int64_t k = 0; k < pass.pitch; k += kLanes<T>)
      store(grad_w + k, load(grad_w + k) + ds * act.term(load(u + k) + load(v + k)));
  }
}

template <typename T, typename Act, typename Heads>
inline void target_grad(const BackwardPass<T>& pass, const Act& act, const Heads& heads, int64_t i,
                        T* grad_w) {
  using Value = typename Heads::Value;
  const auto& graph = pass.graph();
  const int64_t pitch = pass.pitch;
  T* const own = pass.grad_u + (i - pass.block.dst) * pitch;
  const T* ds = pass.by_edge();
  const auto v_of = [&](int64_t e) { return pass.v_row(graph.indices[e]); };
  const auto gather = [&](int64_t first, int64_t last, const T* u, Value total, T* to) {
    if (!Act::kHomogeneous) add_term_sums<T>(pass, act, heads, first, last, u, grad_w);
    sum_rows<T>(first, last, v_of, pitch, StepTerm<T, Act, Heads>{act, heads, u, ds}, to);
    finish_row<T>(pass, act, heads.repeated(total), u, to, grad_w);
  };
  if (pass.op.bias == nullptr)  // the ds of a target add up to 0
    return gather(graph.indptr[i], graph.indptr[i + 1], pass.u_row(i), Value{}, own);
  std::fill(own, own + pitch, T(0));
  const auto [begin, end] = pass.segments(i);
  for (int64_t s = begin; s < end; ++s) {
    T* u = pass.biased_u + pass.at(s) * pitch;
    T* to = pass.grad_biased + pass.at(s) * pitch;
    pass.biased(i, graph.seg_rel[s], u);
    Value total{};
    for (int64_t e = graph.seg_ptr[s]; e < graph.seg_ptr[s + 1]; ++e) total += heads.get(ds, e);
    gather(graph.seg_ptr[s], graph.seg_ptr[s + 1], u, total, to);
    for (int64_t k = 0; k < pitch; ++k) own[k] += to[k];
  }
}

// The gradient of source j's v. `ds` is scratch: what each of its edges has.
template <typename T, typename Act, typename Heads>
inline void source_grad(const BackwardPass<T>& pass, const Act& act, const Heads& heads, int64_t j,
                        T* ds, T* grad_w) {
  const auto& graph = pass.graph();
  const int64_t first = graph.t_indptr[j], degree = graph.t_indptr[j + 1] - first;
  typename Heads::Value total{};
  for (int64_t k = 0; k < degree; ++k) {
    const auto of_edge = heads.get(pass.by_edge(), graph.t_eids[first + k]);
    heads.put(ds, k, of_edge);
    total += of_edge;
  }
  T* own = pass.grad_v + (j - pass.block.src) * pass.pitch;
  sum_rows<T>(
      0, degree, [&](int64_t k) { return pass.u_of(graph.t_eids[first + k]); }, pass.pitch,
      StepTerm<T, Act, Heads>{act, heads, pass.v_row(j), ds}, own);
  finish_row<T>(pass, act, heads.repeated(total), pass.v_row(j), own, grad_w);
}

template <typename T, typename Act, typename Heads>
void edge_grads(const BackwardPass<T>& pass, const Act& act, const Heads& heads,
                const RowTasks& targets, const RowTasks& sources) {
  const int64_t pitch = pass.pitch;
  std::fill_n(pass.grad_w, (targets.count() + sources.count()) * pitch, T(0));
  targets.run([&] {
    return [&](int64_t t, int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        softmax_grad<T>(pass, heads, i);
        target_grad<T>(pass, act, heads, i, pass.grad_w + t * pitch);
      }
    };
  });
  const int64_t degree = most_leaving(pass.graph(), pass.block);
  sources.run([&] {
    return [&, ds = Buffer<T>(degree * heads.count + kLanes<T>)](int64_t t, int64_t first,
                                                                 int64_t last) {
      for (int64_t j = first; j < last; ++j)
        source_grad<T>(pass, act, heads, j, ds, pass.grad_w + (targets.count() + t) * pitch);
    };
  });
}

}  // namespace ariigcn::ARIIGCN_ISA
