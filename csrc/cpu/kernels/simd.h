// Vectors of the instruction set that this translation unit is compiled for (see isa.h).
#pragma once

namespace ariigcn::ARIIGCN_ISA {

template <typename T>
struct VecOf {
  typedef T type __attribute__((vector_size(ARIIGCN_VECTOR_BYTES)));
};
template <typename T>
using vec = typename VecOf<T>::type;

template <typename T>
constexpr int kLanes = ARIIGCN_VECTOR_BYTES / int(sizeof(T));

// Integers as wide as T, for the bits of a vector of T.
template <typename T>
using bits_of = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;

template <typename T>
inline vec<T> load(const T* from) {
  vec<T> v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}
template <typename T>
inline void store(T* to, vec<T> v) {
  __builtin_memcpy(to, &v, sizeof v);
}
template <typename T>
inline vec<T> splat(T x) {
  return vec<T>{} + x;
}

// The first `count` elements; the others are read as 0 and not written.
template <typename T>
inline vec<T> load_part(const T* from, int64_t count) {
#if ARIIGCN_VECTOR_BYTES == 64
  if constexpr (sizeof(T) == 4)
    return (vec<T>)_mm512_maskz_loadu_ps(__mmask16((1u << count) - 1), from);
  else
    return (vec<T>)_mm512_maskz_loadu_pd(__mmask8((1u << count) - 1), from);
#else
  vec<T> v{};
  for (int64_t i = 0; i < count; ++i) v[i] = from[i];
  return v;
#endif
}
template <typename T>
inline void store_part(T* to, vec<T> v, int64_t count) {
#if ARIIGCN_VECTOR_BYTES == 64
  if constexpr (sizeof(T) == 4)
    _mm512_mask_storeu_ps(to, __mmask16((1u << count) - 1), (__m512)v);
  else
    _mm512_mask_storeu_pd(to, __mmask8((1u << count) - 1), (__m512d)v);
#else
  for (int64_t i = 0; i < count; ++i) to[i] = v[i];
#endif
}

// Calls `body(k, load, store)` for every vector of a row of `width` elements, the last one cut.
template <typename T, typename Body>
inline void for_vectors(int64_t width, const Body& body) {
  int64_t k = 0;
  for (; k + kLanes<T> <= width; k += kLanes<T>)
    body(
        k, [](const T* p) { return load(p); }, [](T* p, vec<T> v) { store(p, v); });
  if (const int64_t rest = width - k; rest > 0)
    body(
        k, [rest](const T* p) { return load_part(p, rest); },
        [rest](T* p, vec<T> v) { store_part(p, v, rest); });
}

template <typename T>
inline vec<T> max(vec<T> a, vec<T> b) {
  return a > b ? a : b;
}
template <typename T>
inline vec<T> min(vec<T> a, vec<T> b) {
  return a < b ? a : b;
}

// Halves are added until one is left: always the same tree, whatever surrounds the call.
template <typename T, int size = kLanes<T>, typename V>
inline T sum(V v) {
  if constexpr (size == 1) {
    return v[0];
  } else {
    typedef T half __attribute__((vector_size(size / 2 * sizeof(T))));
    half low, high;
    __builtin_memcpy(&low, &v, sizeof low);
    __builtin_memcpy(&high, reinterpret_cast<const char*>(&v) + sizeof low, sizeof high);
    return sum<T, size / 2>(half(low + high));
  }
}

// exp(x), relative error below 2^-22 (float) and 2^-50 (double); 0 below the smallest normal.
template <typename T>
inline vec<T> exp(vec<T> x) {
  constexpr bool is_float = sizeof(T) == 4;
  constexpr T smallest = is_float ? T(-87.33) : T(-708.39), largest = is_float ? T(88.7) : T(709.7);
  constexpr T ln2_high = is_float ? T(0.693359375) : T(0.693145751953125);
  constexpr T ln2_low = is_float ? T(-2.12194440e-4) : T(1.42860682030941723212e-6);
  constexpr int order = is_float ? 7 : 13, mantissa = is_float ? 23 : 52;
  using bits = bits_of<T>;
  typedef bits ivec __attribute__((vector_size(ARIIGCN_VECTOR_BYTES)));
  const auto below = x < splat<T>(smallest);
  const vec<T> bounded = max<T>(min<T>(x, splat<T>(largest)), splat<T>(smallest));
  // adding 1.5 * 2^mantissa rounds to the nearest integer, which stands in the low bits
  constexpr T rounder = T(3) * T(int64_t(1) << (mantissa - 1));
  const vec<T> shifted = bounded * T(1.44269504088896340736) + rounder;
  const vec<T> n = shifted - rounder;
  const vec<T> r = (bounded - n * ln2_high) - n * ln2_low;
  vec<T> p = splat<T>(T(1));
#pragma GCC unroll 16
  for (int k = order; k > 0; --k) p = p * r * T(1.0 / k) + T(1);
  constexpr bits one = bits(is_float ? 127 : 1023) << mantissa;
  const ivec scale = ((ivec)shifted << mantissa) + one;
  const vec<T> result = p * (vec<T>)scale;
  return below ? vec<T>{} : result;
}

}  // namespace ariigcn::ARIIGCN_ISA
