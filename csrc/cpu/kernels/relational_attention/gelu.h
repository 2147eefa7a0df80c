// GELU behind the sums.
#pragma once

#include "../parallel.h"
#include "activation.h"

namespace ariigcn::ARIIGCN_ISA {

template <typename T>
inline void gelu(const T* from, T* to, int64_t count) {
  for_vectors<T>(count, [&](int64_t k, auto at) {
    const vec<T> x = at(from + k);
    at(to + k, vec<T>(x * normal_cdf<T>(x)));
  });
}

template <typename T>
void gelu_grad(const T* grad, const T* before, T* to, int64_t count) {
  const Gelu<T> act;
  run_ranges(count, 1 << 14, [&](int64_t first, int64_t last) {
    for_vectors<T>(last - first, [&](int64_t k, auto at) {
      const vec<T> one = splat<T>(1);
      const vec<T> by_before = act.add_step(vec<T>{}, at(before + first + k), one);
      at(to + first + k, vec<T>(at(grad + first + k) * by_before));
    });
  });
}

}  // namespace ariigcn::ARIIGCN_ISA
