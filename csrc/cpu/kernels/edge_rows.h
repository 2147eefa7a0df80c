// The two loops over the rows of neighbours: a number per row, and a weighted sum of the rows. Both
// keep their sums in registers; the order of a sum depends on its terms alone.
#pragma once

#include "gemm.h"
#include "heads.h"

namespace ariigcn::ARIIGCN_ISA {

// out[e] = sum over k of term(k, row(e)[k]), of every head, for `size` rows at once.
template <typename T, int size, typename Heads, typename Row, typename Term, typename Out>
inline void reduce_group(const Heads& heads, int64_t first, const Row& row, int64_t width,
                         Term term, const Out& out) {
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
  for (int e = 0; e < size; ++e) out(first + e, heads.fold(sum_of[e]));
}

template <typename T, typename Heads, typename Row, typename Term, typename Out>
inline void reduce_rows(const Heads& heads, int64_t first, int64_t last, const Row& row,
                        int64_t width, const Term& term, const Out& out) {
  constexpr int group = Term::kUnroll;
  for (; first + group <= last; first += group)
    reduce_group<T, group>(heads, first, row, width, term, out);
  with_constant<group - 1>(last - first, [&](auto size) {
    reduce_group<T, size.value>(heads, first, row, width, term, out);
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

// to[k..] (+)= sum over e of term(rows[e][k..]): `size` vectors, the last one cut to `rest`
// elements.
template <typename T, int size, typename Term>
inline void sum_block(int64_t count, const T* const* rows, int64_t first, int64_t k, int64_t rest,
                      const Term& term, T* to, bool add) {
  const auto at = [&](int v, const T* p) {
    return v + 1 < size || rest == kLanes<T> ? load(p) : load_part(p, rest);
  };
  vec<T> own[size], total[size];
#pragma GCC unroll 8
  for (int v = 0; v < size; ++v) {
    own[v] = Term::kOwn ? at(v, term.row + k + v * kLanes<T>) : vec<T>{};
    total[v] = add ? at(v, to + k + v * kLanes<T>) : vec<T>{};
  }
  for (int64_t e = 0; e < count; ++e) {
    const T* from = rows[e] + k;
    const vec<T> factor = term.factor_of(first + e);
#pragma GCC unroll 8
    for (int v = 0; v < size; ++v)
      total[v] = term.add(total[v], own[v], at(v, from + v * kLanes<T>), factor);
  }
#pragma GCC unroll 8
  for (int v = 0; v < size; ++v) {
    T* p = to + k + v * kLanes<T>;
    v + 1 < size || rest == kLanes<T> ? store(p, total[v]) : store_part(p, total[v], rest);
  }
}

// to[0:width) = the sum over edges of term(row(e)), all of a row's vectors at once as far as the
// registers reach.
template <typename T, typename Row, typename Term>
inline void sum_rows(int64_t first, int64_t last, const Row& row, int64_t width, const Term& term,
                     T* to) {
  constexpr int64_t lanes = kLanes<T>, most_rows = 64;
  constexpr int most = Term::kUnroll > 1 ? ARIIGCN_VECTOR_BYTES / 8 : 1;
  const T* rows[most_rows];
  bool add = false;
  do {
    const int64_t count = std::min(most_rows, last - first);
    for (int64_t e = 0; e < count; ++e) rows[e] = row(first + e);
    for (int64_t k = 0; k < width; k += most * lanes) {
      const int64_t left = std::min(most * lanes, width - k), vectors = ceil_div(left, lanes);
      with_constant<most>(vectors, [&](auto size) {
        sum_block<T, size.value>(count, rows, first, k, left - (vectors - 1) * lanes, term, to,
                                 add);
      });
    }
    first += most_rows;
    add = true;
  } while (first < last);
}

// factor[e] * row
template <typename T, typename Heads = OneHead<T>>
struct WeightedTerm {
  static constexpr int kUnroll = 8;
  static constexpr bool kOwn = false;
  const T* factor;
  Heads heads = {};
  const T* row = nullptr;

  vec<T> factor_of(int64_t e) const { return heads.repeated(heads.get(factor, e)); }
  vec<T> add(vec<T> sum, vec<T>, vec<T> x, vec<T> f) const { return sum + f * x; }
};

// row
template <typename T>
struct PlainTerm {
  static constexpr int kUnroll = 8;
  static constexpr bool kOwn = false;
  const T* row = nullptr;

  vec<T> factor_of(int64_t) const { return vec<T>{}; }
  vec<T> add(vec<T> sum, vec<T>, vec<T> x, vec<T>) const { return sum + x; }
};

// factor[e] * step(own row + row): what the score's gradient sums, at the target and at the source
template <typename T, typename Act, typename Heads>
struct StepTerm {
  static constexpr int kUnroll = Act::kUnroll;
  static constexpr bool kOwn = true;
  Act act;
  Heads heads;
  const T *row, *factor;

  vec<T> factor_of(int64_t e) const { return heads.repeated(heads.get(factor, e)); }
  vec<T> add(vec<T> sum, vec<T> own, vec<T> x, vec<T> ds) const {
    return act.add_step(sum, own + x, ds);
  }
};

}  // namespace ariigcn::ARIIGCN_ISA
