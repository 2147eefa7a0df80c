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

// ds of edges is in turn: the gradients of what they multiply their sources by, of their attention,
// of their scores. Edges of segment s from the first to the second:
template <typename T, typename Heads>
inline void attention_grad(const BackwardPass<T>& pass, const Heads& heads, int64_t s,
                           int64_t first, int64_t last) {
  const auto& graph = pass.graph();
  const T *alpha = pass.alpha(), *by_alpha = pass.grad.grad_alpha;
  T* ds = pass.by_edge();
  if (pass.attention_alone() && by_alpha == nullptr) return;
  const T share = pass.mean(graph.seg_ptr[s + 1] - graph.seg_ptr[s]);
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
// Edges whose attention adds up to 1 from the second to the third: alpha (ds - sum of alpha ds).
template <typename T, typename Heads>
inline auto inner_product(const BackwardPass<T>& pass, const Heads& heads, int64_t first,
                          int64_t last) {
  typename Heads::Value inner{};
  for (int64_t e = first; e < last; ++e)
    inner += heads.get(pass.alpha(), e) * heads.get(pass.by_edge(), e);
  return inner;
}
template <typename T, typename Heads>
inline void softmax_grad(const BackwardPass<T>& pass, const Heads& heads,
                         typename Heads::Value inner, int64_t first, int64_t last) {
  const vec<T> all = heads.repeated(inner);
  T* to = pass.by_edge() + first * heads.count;
  const T* from = pass.alpha() + first * heads.count;
  for_vectors<T>((last - first) * heads.count, [&](int64_t k, auto at) {
    at(to + k, vec<T>(at(from + k) * (at(to + k) - all)));
  });
}
template <typename T, typename Heads>
inline void scores_grad(const BackwardPass<T>& pass, const Heads& heads, int64_t i) {
  const auto& graph = pass.graph();
  const auto [begin, end] = pass.segments(i);
  for (int64_t s = begin; s < end; ++s)
    attention_grad<T>(pass, heads, s, graph.seg_ptr[s], graph.seg_ptr[s + 1]);
  pass.for_softmax_rows(i, [&](int64_t first, int64_t last) {
    softmax_grad<T>(pass, heads, inner_product<T>(pass, heads, first, last), first, last);
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

// What edges first .. last of a target add to the gradient of `u`, before `finish_row`.
template <typename T, typename Act, typename Heads>
inline void gather_at_target(const BackwardPass<T>& pass, const Act& act, const Heads& heads,
                             int64_t first, int64_t last, const T* u, T* to, T* grad_w) {
  if (!Act::kHomogeneous) add_term_sums<T>(pass, act, heads, first, last, u, grad_w);
  sum_rows<T>(
      first, last, [&](int64_t e) { return pass.v_row(pass.graph().indices[e]); }, pass.pitch,
      StepTerm<T, Act, Heads>{act, heads, u, pass.by_edge()}, to);
}
template <typename T, typename Heads>
inline auto sum_of_scores(const BackwardPass<T>& pass, const Heads& heads, int64_t first,
                          int64_t last) {
  typename Heads::Value total{};
  for (int64_t e = first; e < last; ++e) total += heads.get(pass.by_edge(), e);
  return total;
}

template <typename T, typename Act, typename Heads>
inline void target_grad(const BackwardPass<T>& pass, const Act& act, const Heads& heads, int64_t i,
                        T* grad_w) {
  using Value = typename Heads::Value;
  const auto& graph = pass.graph();
  const int64_t pitch = pass.pitch;
  T* const own = pass.grad_u + (i - pass.block.dst) * pitch;
  const auto gather = [&](int64_t first, int64_t last, const T* u, Value total, T* to) {
    gather_at_target<T>(pass, act, heads, first, last, u, to, grad_w);
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
    const int64_t first = graph.seg_ptr[s], last = graph.seg_ptr[s + 1];
    gather(first, last, u, sum_of_scores<T>(pass, heads, first, last), to);
    for (int64_t k = 0; k < pitch; ++k) own[k] += to[k];
  }
}

// The same for hubs: every step for all parts.
template <typename T, typename Act, typename Heads>
void hub_target_grads(const BackwardPass<T>& pass, const Act& act, const Heads& heads,
                      const HubParts& hubs, T* grad_w) {
  const bool biased = pass.op.bias != nullptr;
  const int64_t pitch = pass.pitch, size = hubs.count() * heads.count + kLanes<T>;
  const Buffer<T> inner(size), total(size), rows(hubs.count() * pitch), terms(hubs.count() * pitch);
  const auto sum = [](auto a, auto b) { return a + b; };
  const auto u_of = [&](const HubPart& part) {
    return biased ? pass.biased_u + pass.at(part.segment) * pitch : pass.u_row(part.row);
  };
  hubs.run([&] {
    return [&](int64_t p, const HubPart& part) {
      attention_grad<T>(pass, heads, part.segment, part.first, part.last);
      heads.put(inner, p, inner_product<T>(pass, heads, part.first, part.last));
    };
  });
  hubs.join<T>(pass.softmax_rows(), heads, inner, sum);
  hubs.for_runs(&HubPart::segment, [&](int64_t p, int64_t) {
    if (biased) pass.biased(hubs[p].row, pass.graph().seg_rel[hubs[p].segment], u_of(hubs[p]));
  });
  std::fill_n(terms + 0, hubs.count() * pitch, T(0));
  hubs.run([&] {
    return [&](int64_t p, const HubPart& part) {
      softmax_grad<T>(pass, heads, heads.get(inner, p), part.first, part.last);
      heads.put(total, p, sum_of_scores<T>(pass, heads, part.first, part.last));
      gather_at_target<T>(pass, act, heads, part.first, part.last, u_of(part), rows + p * pitch,
                          terms + p * pitch);
    };
  });
  hubs.for_runs(&HubPart::row, [&](int64_t p, int64_t) {
    std::fill_n(pass.grad_u + (hubs[p].row - pass.block.dst) * pitch, pitch, T(0));
  });
  const auto of = biased ? &HubPart::segment : &HubPart::row;
  hubs.join<T>(of, heads, total, sum);
  hubs.add_up<T>(of, rows, pitch, [&](const HubPart& part, int64_t p, T* row) {
    // without a bias all relations are one, and the ds of a target add up to 0
    const vec<T> all = biased ? heads.repeated(heads.get(total, p)) : vec<T>{};
    finish_row<T>(pass, act, all, u_of(part), row, grad_w);
    if (biased) std::copy_n(row, pitch, pass.grad_biased + pass.at(part.segment) * pitch);
    T* own = pass.grad_u + (part.row - pass.block.dst) * pitch;
    for (int64_t k = 0; k < pitch; ++k) own[k] += row[k];
  });
  for (int64_t p = 0; p < hubs.count() && !Act::kHomogeneous; ++p)
    for (int64_t k = 0; k < pitch; ++k) grad_w[k] += terms[p * pitch + k];
}

// What edges first .. last in order of sources, all of source j, add to the gradient of its v
// before `finish_row`, and the sum of their ds. `ds` is scratch: what each of them has.
template <typename T, typename Act, typename Heads>
inline auto gather_at_source(const BackwardPass<T>& pass, const Act& act, const Heads& heads,
                             int64_t j, int64_t first, int64_t last, T* ds, T* to) {
  const auto& graph = pass.graph();
  const int64_t degree = last - first;
  typename Heads::Value total{};
  for (int64_t k = 0; k < degree; ++k) {
    const auto of_edge = heads.get(pass.by_edge(), graph.t_eids[first + k]);
    heads.put(ds, k, of_edge);
    total += of_edge;
  }
  sum_rows<T>(
      0, degree, [&](int64_t k) { return pass.u_of(graph.t_eids[first + k]); }, pass.pitch,
      StepTerm<T, Act, Heads>{act, heads, pass.v_row(j), ds}, to);
  return total;
}

template <typename T, typename Act, typename Heads>
void hub_source_grads(const BackwardPass<T>& pass, const Act& act, const Heads& heads,
                      const HubParts& hubs, T* grad_w) {
  const int64_t pitch = pass.pitch;
  const Buffer<T> total(hubs.count() * heads.count + kLanes<T>), rows(hubs.count() * pitch);
  hubs.run([&] {
    return [&, ds = Buffer<T>(kEdgesPerTask * heads.count + kLanes<T>)](int64_t p,
                                                                        const HubPart& part) {
      heads.put(total, p,
                gather_at_source<T>(pass, act, heads, part.row, part.first, part.last, ds,
                                    rows + p * pitch));
    };
  });
  hubs.join<T>(&HubPart::row, heads, total, [](auto a, auto b) { return a + b; });
  hubs.add_up<T>(&HubPart::row, rows, pitch, [&](const HubPart& part, int64_t p, T* row) {
    finish_row<T>(pass, act, heads.repeated(heads.get(total, p)), pass.v_row(part.row), row,
                  grad_w);
    std::copy_n(row, pitch, pass.grad_v + (part.row - pass.block.src) * pitch);
  });
}

template <typename T, typename Act, typename Heads>
void edge_grads(const BackwardPass<T>& pass, const Act& act, const Heads& heads,
                const EdgeTasks& targets, const EdgeTasks& sources) {
  const int64_t pitch = pass.pitch, tasks = targets.count() + sources.count();
  std::fill_n(pass.grad_w, (tasks + kHubPartials) * pitch, T(0));
  hub_target_grads<T>(pass, act, heads, targets.hubs, pass.grad_w + tasks * pitch);
  targets.run([&] {
    return [&](int64_t t, int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        scores_grad<T>(pass, heads, i);
        target_grad<T>(pass, act, heads, i, pass.grad_w + t * pitch);
      }
    };
  });
  hub_source_grads<T>(pass, act, heads, sources.hubs, pass.grad_w + (tasks + 1) * pitch);
  const IndexArray ptr = pass.graph().t_indptr;
  const int64_t degree = most_leaving(pass.graph(), pass.block);
  sources.run([&] {
    return [&, ds = Buffer<T>(degree * heads.count + kLanes<T>)](int64_t t, int64_t first,
                                                                 int64_t last) {
      for (int64_t j = first; j < last; ++j) {
        T* own = pass.grad_v + (j - pass.block.src) * pitch;
        const auto total = gather_at_source<T>(pass, act, heads, j, ptr[j], ptr[j + 1], ds, own);
        finish_row<T>(pass, act, heads.repeated(total), pass.v_row(j), own,
                      pass.grad_w + (targets.count() + t) * pitch);
      }
    };
  });
}

}  // namespace ariigcn::ARIIGCN_ISA
