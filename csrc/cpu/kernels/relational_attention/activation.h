// Activations of the edge score, as the edge loops use them: score = scale * sum w term(t)
// + linear * sum w t, and act'(t) = base + rest * step(t).
#pragma once

#include "../simd.h"

namespace ariigcn::ARIIGCN_ISA {

// |t| instead of max(t, slope t): the part linear in t splits into a sum over u_i, which the
// softmax cancels, and one over v_j, which is a number per node.
template <typename T>
struct LeakyRelu {
  static constexpr bool kHomogeneous = true;  // act(t) = act'(t) t
  static constexpr bool kQuick = true;        // costs less than what is around it
  static constexpr int kUnroll = 8;           // rows or vectors at once
  T slope;

  T linear() const { return (1 + slope) / 2; }
  T scale() const { return (1 - slope) / 2; }
  T base() const { return slope; }
  T rest() const { return 1 - slope; }
  vec<T> term(vec<T> t) const { return t < 0 ? -t : t; }
  vec<T> add_step(vec<T> sum, vec<T> t, vec<T> ds) const { return t > 0 ? sum + ds : sum; }
};

template <typename T>
struct Smooth {
  static constexpr bool kHomogeneous = false, kQuick = false;
  static constexpr int kUnroll = 1;
  T linear() const { return 0; }
  T scale() const { return 1; }
  T base() const { return 0; }
  T rest() const { return 1; }
};

template <typename T>
struct Tanh : Smooth<T> {
  vec<T> term(vec<T> t) const { return tanh<T>(t); }
  vec<T> add_step(vec<T> sum, vec<T> t, vec<T> ds) const {
    const vec<T> y = tanh<T>(t);
    return sum + ds * (1 - y * y);
  }
};

template <typename T>
struct Elu : Smooth<T> {
  vec<T> term(vec<T> t) const { return t > 0 ? t : expm1<T>(t); }
  vec<T> add_step(vec<T> sum, vec<T> t, vec<T> ds) const {
    return sum + ds * (t > 0 ? splat<T>(1) : exp<T>(t));
  }
};

template <typename T>
struct Gelu : Smooth<T> {
  vec<T> term(vec<T> t) const { return t * normal_cdf<T>(t); }
  vec<T> add_step(vec<T> sum, vec<T> t, vec<T> ds) const {
    constexpr T inv_sqrt_2pi = T(0.39894228040143267794);
    return sum + ds * (normal_cdf<T>(t) + t * inv_sqrt_2pi * exp<T>(t * t * T(-0.5)));
  }
};

// Calls `body` with the activation.
template <typename T, typename Body>
inline void with_activation(Activation kind, T slope, const Body& body) {
  switch (kind) {
    case Activation::kLeakyRelu:
      return body(LeakyRelu<T>{slope});
    case Activation::kTanh:
      return body(Tanh<T>{});
    case Activation::kElu:
      return body(Elu<T>{});
    case Activation::kGelu:
      return body(Gelu<T>{});
  }
}

}  // namespace ariigcn::ARIIGCN_ISA
