// The two loops over the rows of neighbours: a number per row, and a weighted sum of the rows. Both
// keep their sums in registers; the order of a sum depends on its terms alone.
#pragma once

#include "gemm.h"

namespace ariigcn::ARIIGCN_ISA {

// out[e] = sum over k of term(k, row(e)[k]), for `size` rows at once.
template <typename T, int size, typename Row, typename Term, typename Out>
inline void reduce_group(int64_t first, const Row& row, int64_t width, Term term, const Out& out) {
  const T* rows[size];
#pragma GCC unroll 8
  for (int e = 0; e < size; ++e) rows[e] = row(first + e);
  vec<T> sum_of[size] = {};
  for_vectors<T>(width, [&](int64_t k, auto at) {
    term.prepare(k, at);
#pragma GCC unroll 8
    for (int e = 0; e < size; ++e) sum_of[e] = term.add(sum_of[e], at(rows[e] + k));
  });
#pragma GCC unroll 8
  for (int e = 0; e < size; ++e) out(first + e, sum<T>(sum_of[e]));
}

template <typename T, typename Row, typename Term, typename Out>
inline void reduce_rows(int64_t first, int64_t last, const Row& row, int64_t width,
                        const Term& term, const Out& out) {
  constexpr int group = Term::kUnroll;
  for (; first + group <= last; first += group)
    reduce_group<T, group>(first, row, width, term, out);
  with_constant<group - 1>(last - first, [&](auto size) {
    reduce_group<T, size.value>(first, row, width, term, out);
  });
}

// w . term(u + v)
template <typename T, typename Act>
struct ScoreTerm {
  static constexpr int kUnroll = Act::kUnroll;
  Act act;
  const T *u, *w;
  vec<T> u_k, w_k;

  template <typename At>
  void prepare(int64_t k, At at) {
    u_k = at(u + k);
    w_k = at(w + k);
  }
  vec<T> add(vec<T> sum, vec<T> v) const { return sum + w_k * act.term(u_k + v); }
};

// a . h
template <typename T>
struct DotTerm {
  static constexpr int kUnroll = 8;
  const T* a;
  vec<T> a_k;

  template <typename At>
  void prepare(int64_t k, At at) {
    a_k = at(a + k);
  }
  vec<T> add(vec<T> sum, vec<T> h) const { return sum + a_k * h; }
};

// to[k..] = sum over e of term(row(e)[k..]), a block of `size` vectors.
template <typename T, int size, typename Row, typename Term>
inline void sum_block(int64_t first, int64_t last, const Row& row, int64_t k, const Term& term,
                      T* to) {
  vec<T> own[size], total[size] = {};
#pragma GCC unroll 8
  for (int v = 0; v < size; ++v) own[v] = term.own(k + v * kLanes<T>);
  for (int64_t e = first; e < last; ++e) {
    const T* from = row(e) + k;
#pragma GCC unroll 8
    for (int v = 0; v < size; ++v)
      total[v] = term.add(total[v], own[v], load(from + v * kLanes<T>), e);
  }
#pragma GCC unroll 8
  for (int v = 0; v < size; ++v) store(to + k + v * kLanes<T>, total[v]);
}

template <typename T, typename Row, typename Term>
inline void sum_rows(int64_t first, int64_t last, const Row& row, int64_t width, const Term& term,
                     T* to) {
  constexpr int64_t lanes = kLanes<T>;
  int64_t k = 0;
  const auto blocks = [&](auto size) {
    for (; k + size.value * lanes <= width; k += size.value * lanes)
      sum_block<T, size.value>(first, last, row, k, term, to);
  };
  if constexpr (Term::kUnroll > 1) {
    blocks(std::integral_constant<int, ARIIGCN_VECTOR_BYTES / 8>{});
    blocks(std::integral_constant<int, 2>{});
  }
  blocks(std::integral_constant<int, 1>{});
  if (const int64_t rest = width - k; rest > 0) {
    vec<T> total = {};
    const vec<T> own = term.own_part(k, rest);
    for (int64_t e = first; e < last; ++e)
      total = term.add(total, own, load_part(row(e) + k, rest), e);
    store_part(to + k, total, rest);
  }
}

// factor[e] * row
template <typename T>
struct WeightedTerm {
  static constexpr int kUnroll = 8;
  const T* factor;

  vec<T> own(int64_t) const { return vec<T>{}; }
  vec<T> own_part(int64_t, int64_t) const { return vec<T>{}; }
  vec<T> add(vec<T> sum, vec<T>, vec<T> x, int64_t e) const { return sum + factor[e] * x; }
};

// ds[e] * step(own + row): what the score's gradient sums, at the target and at the source
template <typename T, typename Act>
struct StepTerm {
  static constexpr int kUnroll = Act::kUnroll;
  Act act;
  const T *row, *ds;

  vec<T> own(int64_t k) const { return load(row + k); }
  vec<T> own_part(int64_t k, int64_t rest) const { return load_part(row + k, rest); }
  vec<T> add(vec<T> sum, vec<T> own, vec<T> x, int64_t e) const {
    return act.add_step(sum, own + x, splat(ds[e]));
  }
};

}  // namespace ariigcn::ARIIGCN_ISA
