// Dropout whose mask is a function of the seed and the position: the backward pass draws it anew
// instead of storing it, and the result does not depend on the number of threads.
#include "../checks.h"
#include "../dispatch.h"
#include "../numeric.h"

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>

#include <algorithm>
#include <cmath>

namespace {
using ariigcn::acc_t;
using torch::stable::Tensor;

constexpr int64_t kLanes = 4;         // positions that share one 64-bit number
constexpr int64_t kLevels = 1 << 16;  // a position's number is below this
constexpr int64_t kGrain = 1 << 13;   // numbers in a thread's least piece of work

// The output function of SplitMix64 (Steele, Lea, Flood 2014), whose state is seed + k * golden.
uint64_t random_number(uint64_t seed, uint64_t k) {
  uint64_t x = seed + (k + 1) * 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

template <typename scalar_t>
void drop(const scalar_t* in, int64_t size, uint64_t seed, double probability, scalar_t* out) {
  using acc = acc_t<scalar_t>;
  const int64_t dropped = std::llround(probability * kLevels);
  // looked up, because a branch on random numbers is mispredicted half of the time
  const acc factors[2] = {acc(0),
                          dropped < kLevels ? acc(kLevels) / acc(kLevels - dropped) : acc(0)};
  const auto keep = [&](uint64_t number, int64_t lane, int64_t i) {
    const bool kept = int64_t(number >> (16 * lane) & (kLevels - 1)) >= dropped;
    out[i] = scalar_t(factors[kept] * acc(in[i]));
  };
  const int64_t whole = size / kLanes;
  torch::stable::parallel_for(0, whole, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      const uint64_t number = random_number(seed, k);
      for (int64_t lane = 0; lane < kLanes; ++lane) keep(number, lane, kLanes * k + lane);
    }
  });
  const uint64_t number = random_number(seed, whole);
  for (int64_t i = kLanes * whole; i < size; ++i) keep(number, i % kLanes, i);
}

Tensor dropout(const Tensor& input, const Tensor& seed, double probability) {
  const ariigcn::Checks check("dropout", input);
  check.floating();
  check.require(input.is_contiguous(), "input must be contiguous");
  check.require(probability >= 0 && probability <= 1, "p must lie between 0 and 1");
  check.int64("seed", seed, {});
  Tensor out = torch::stable::empty_like(input);
  const uint64_t number = *seed.const_data_ptr<int64_t>();
  DISPATCH_FLOATING(input, "dropout",
                    drop(input.const_data_ptr<scalar_t>(), input.numel(), number, probability,
                         out.mutable_data_ptr<scalar_t>()));
  return out;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ariigcn, CPU, m) { m.impl("dropout", TORCH_BOX(&dropout)); }
