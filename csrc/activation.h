// Activations of the edge score. Torch-free; the CPU's vector forms are in
// cpu/kernels/activation.h.
#pragma once

#include <cmath>
#include <cstdint>

#include "numeric.h"

namespace ariigcn {

enum class Activation : int64_t { kLeakyRelu, kTanh, kElu, kGelu };

// The normal distribution function and its density.
template <typename value_t>
HOST_DEVICE inline value_t normal_cdf(value_t x) {
  return value_t(0.5) * std::erfc(x * value_t(-0.70710678118654752440));
}
template <typename value_t>
HOST_DEVICE inline value_t normal_density(value_t x) {
  return value_t(0.39894228040143267794) * std::exp(x * x * value_t(-0.5));
}

template <typename value_t>
HOST_DEVICE inline value_t gelu_grad(value_t x) {
  return normal_cdf(x) + x * normal_density(x);
}

// slope t + (1 - slope) max(t, 0) as a part linear in t and a part in |t|: two multiply-adds, whose
// sums over a row are joined once.
template <typename value_t>
struct LeakyRelu {
  value_t slope;

  struct Sum {
    value_t linear = 0, absolute = 0;
  };
  HOST_DEVICE void add(Sum& sum, value_t w, value_t t) const {
    sum.linear += w * t;
    sum.absolute += w * std::fabs(t);
  }
  HOST_DEVICE value_t total(const Sum& sum) const {
    return (1 + slope) / 2 * sum.linear + (1 - slope) / 2 * sum.absolute;
  }
  HOST_DEVICE value_t value(value_t t) const { return leaky_relu(t, slope); }
  HOST_DEVICE value_t grad(value_t t) const { return leaky_relu_grad(t, slope); }
};

// The others, told apart at run time: their cost is in the function itself.
template <typename value_t>
struct SmoothActivation {
  Activation kind;

  struct Sum {
    value_t value = 0;
  };
  HOST_DEVICE void add(Sum& sum, value_t w, value_t t) const { sum.value += w * value(t); }
  HOST_DEVICE value_t total(const Sum& sum) const { return sum.value; }

  HOST_DEVICE value_t value(value_t t) const {
    if (kind == Activation::kTanh) return std::tanh(t);
    if (kind == Activation::kElu) return t > value_t(0) ? t : std::expm1(t);
    return t * normal_cdf(t);
  }
  HOST_DEVICE value_t grad(value_t t) const {
    if (kind == Activation::kElu) return t > value_t(0) ? value_t(1) : std::exp(t);
    if (kind == Activation::kGelu) return gelu_grad(t);
    const value_t y = std::tanh(t);
    return 1 - y * y;
  }
};

}  // namespace ariigcn
