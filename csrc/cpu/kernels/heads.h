// Numbers of some heads side by side: column n of a row is of head n % count, and so is lane n of
// each of its vectors. One vector of factors serves all columns then, and sums over a head's
// columns are sums of vectors, folded once.
#pragma once

#include "pack.h"

namespace ariigcn::ARIIGCN_ISA {

// How loops over edges read and write what each edge has of every head. Value is a number of each.
template <typename T>
struct OneHead {
  using Value = T;
  static constexpr int64_t count = 1;

  Value get(const T* from, int64_t row) const { return from[row]; }
  void put(T* to, int64_t row, Value x) const { to[row] = x; }
  static vec<T> repeated(Value x) { return splat(x); }
  static Value largest(Value a, Value b) { return std::max(a, b); }
  Value fold(vec<T> columns) const { return sum<T>(columns); }
  T total(Value x) const { return x; }
};

// One of several whose numbers lie side by side.
template <typename T>
struct HeadOf : OneHead<T> {
  int64_t stride, head;

  T get(const T* from, int64_t row) const { return from[row * stride + head]; }
  void put(T* to, int64_t row, T x) const { to[row * stride + head] = x; }
};

template <typename T>
using lanes_of = typename VecOf<bits_of<T>>::type;

template <typename T>
inline vec<T> permute(vec<T> v, lanes_of<T> from) {
#ifdef __clang__
  vec<T> to;
  for (int i = 0; i < kLanes<T>; ++i) to[i] = v[from[i]];
  return to;
#else
  return __builtin_shuffle(v, from);
#endif
}

// Lanes l and l ^ n change places.
template <typename T, int n, int... lane>
inline vec<T> swap_lanes(vec<T> v, std::integer_sequence<int, lane...>) {
  return __builtin_shufflevector(v, v, (lane ^ n)...);
}

// A power of two of heads, kLanes at most. A Value repeats their numbers through its lanes. What
// rows of several are read from has kLanes elements more.
template <typename T>
class SideBySide {
 public:
  using Value = vec<T>;
  const int64_t count;

  explicit SideBySide(int64_t heads) : count(heads) {
    for (int i = 0; i < kLanes<T>; ++i) head_[i] = i % heads;
  }
  Value get(const T* from, int64_t row) const {
    return count == 1 ? splat(from[row]) : permute<T>(load(from + row * count), head_);
  }
  void put(T* to, int64_t row, Value x) const { store_part(to + row * count, x, count); }
  static vec<T> repeated(Value x) { return x; }
  static Value largest(Value a, Value b) { return max<T>(a, b); }
  Value fold(vec<T> columns) const { return fold_half<kLanes<T> / 2>(columns); }
  T total(Value x) const {
    T sum = 0;
    for (int64_t h = 0; h < count; ++h) sum += x[h];
    return sum;
  }

 private:
  template <int half>
  Value fold_half(vec<T> columns) const {
    if constexpr (half == 0)
      return columns;
    else if (half < count)
      return columns;
    else
      return fold_half<half / 2>(
          columns + swap_lanes<T, half>(columns, std::make_integer_sequence<int, kLanes<T>>{}));
  }
  lanes_of<T> head_;
};

// Heads of rows that are listed.
template <typename Heads>
struct Listed {
  using Value = typename Heads::Value;
  Heads heads;
  const int32_t* list;

  template <typename T>
  Value get(const T* from, int64_t k) const {
    return heads.get(from, list[k]);
  }
  auto repeated(Value x) const { return heads.repeated(x); }
};

// Calls `body` with how so many heads are read; one has code of its own if it is `quick`.
template <typename T, bool quick = true, typename Body>
inline void with_heads(int64_t count, const Body& body) {
  if constexpr (quick)
    if (count == 1) return body(OneHead<T>{});
  body(SideBySide<T>(count));
}

// The way back from `interleave_vectors`.
template <typename T, int count, int... lane>
inline void separate_vectors(vec<T>* rows, std::integer_sequence<int, lane...>) {
  constexpr int half = count / 2;
#pragma GCC unroll 4
  for (int step = 1; step < count; step *= 2) {
    vec<T> next[count];
#pragma GCC unroll 8
    for (int i = 0; i < half; ++i) {
      next[i] = __builtin_shufflevector(rows[2 * i], rows[2 * i + 1], (2 * lane)...);
      next[i + half] = __builtin_shufflevector(rows[2 * i], rows[2 * i + 1], (2 * lane + 1)...);
    }
#pragma GCC unroll 16
    for (int i = 0; i < count; ++i) rows[i] = next[i];
  }
}

// Calls `body` with an integral constant equal to `count`, a power of two up to `most`.
template <int most, typename Body>
inline void with_power(int64_t count, const Body& body) {
  if constexpr (most > 1) {
    if (count == most)
      body(std::integral_constant<int, most>{});
    else
      with_power<most / 2>(count, body);
  }
}

// `count` heads at `from`, `stride` elements apart and each of `size`, to (size, count) and back.
template <typename T>
void interleave(const T* from, int64_t stride, int64_t heads, int64_t size, T* to) {
  with_power<kLanes<T>>(heads, [&](auto constant) {
    constexpr int count = constant.value, lanes = kLanes<T>;
    int64_t k = 0;
    for (; k + lanes <= size; k += lanes) {
      vec<T> rows[count];
#pragma GCC unroll 16
      for (int h = 0; h < count; ++h) rows[h] = load(from + h * stride + k);
      interleave_vectors<T, count>(rows, std::make_integer_sequence<int, lanes>{});
#pragma GCC unroll 16
      for (int h = 0; h < count; ++h) store(to + k * count + h * lanes, rows[h]);
    }
    for (; k < size; ++k)
      for (int h = 0; h < count; ++h) to[k * count + h] = from[h * stride + k];
  });
}

template <typename T>
void separate(const T* from, int64_t stride, int64_t heads, int64_t size, T* to) {
  with_power<kLanes<T>>(heads, [&](auto constant) {
    constexpr int count = constant.value, lanes = kLanes<T>;
    int64_t k = 0;
    for (; k + lanes <= size; k += lanes) {
      vec<T> rows[count];
#pragma GCC unroll 16
      for (int h = 0; h < count; ++h) rows[h] = load(from + k * count + h * lanes);
      separate_vectors<T, count>(rows, std::make_integer_sequence<int, lanes>{});
#pragma GCC unroll 16
      for (int h = 0; h < count; ++h) store(to + h * stride + k, rows[h]);
    }
    for (; k < size; ++k)
      for (int h = 0; h < count; ++h) to[h * stride + k] = from[k * count + h];
  });
}

}  // namespace ariigcn::ARIIGCN_ISA
