// GELU and its derivative in single precision, without the branches of erfc. Both need the normal
// density, of which the distribution function is a multiple: Phi(-y) = exp(-y^2 / 2) q(y), y >= 0.
#pragma once

#include <cuda_runtime_api.h>

#include "../activation.h"

namespace ariigcn {

template <typename value_t>
struct Gelu {
  value_t value, grad;
};

// q(y) = t p(t), t = 1 / (1 + 0.35 y), where p is fitted to 0 <= y <= 14.5 with equal relative
// errors (3.2e-8) by weighted least squares; beyond, exp(-y^2 / 2) is 0. With what is rounded,
// value and derivative err by less than 2e-7 max(1, |x|).
__device__ inline Gelu<float> gelu_of(float x) {
  constexpr float kFit[] = {0.139621302f, 0.139863521f, 0.119821288f, 0.105552502f,  -0.0232123528f,
                            0.159319699f, -0.25583899f, 0.144030914f, -0.0291578863f};
  constexpr float kHalfLog2E = 0.72134752f;
#ifdef __CUDA_ARCH__
  const float t = __fdividef(1, 1 + 0.35f * fabsf(x));  // not out of its range for any x below 1e38
#else
  const float t = 1 / (1 + 0.35f * std::fabs(x));
#endif
  float p = kFit[8];
#pragma unroll
  for (int k = 7; k >= 0; --k) p = p * t + kFit[k];
  const float density = std::exp2(x * (x * -kHalfLog2E));  // but for a factor
  const float below = density * (p * t);                   // Phi(-|x|)
  const float cdf = x > 0 ? 1 - below : below;
  return {x * cdf, cdf + x * density * 0.39894228f};
}

__device__ inline Gelu<double> gelu_of(double x) { return {x * normal_cdf(x), gelu_grad(x)}; }

}  // namespace ariigcn
