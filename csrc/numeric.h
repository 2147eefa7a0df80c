// Torch-free scalar mathematics shared by the CPU and CUDA kernels.
#pragma once

#include <cstdint>
#include <limits>

#ifdef __CUDACC__
#define HOST_DEVICE __host__ __device__
#else
#define HOST_DEVICE
#endif

namespace ariigcn {

// Sums of halves and floats are kept in float, sums of doubles in double.
template <typename scalar_t>
struct Accumulator {
  using type = float;
};
template <>
struct Accumulator<double> {
  using type = double;
};
template <typename scalar_t>
using acc_t = typename Accumulator<scalar_t>::type;

// A variable, because device code may not call the host function.
template <typename value_t>
constexpr value_t kInfinity = std::numeric_limits<value_t>::infinity();

constexpr double kLog2E = 1.4426950408889634, kLn2 = 0.6931471805599453;

// LeakyReLU and its derivative; slope 0 is ReLU.
template <typename value_t>
HOST_DEVICE inline value_t leaky_relu(value_t x, value_t slope) {
  return x > value_t(0) ? x : slope * x;
}
template <typename value_t>
HOST_DEVICE inline value_t leaky_relu_grad(value_t x, value_t slope) {
  return x > value_t(0) ? value_t(1) : slope;
}

}  // namespace ariigcn
