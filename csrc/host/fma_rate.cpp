// Measures the multiply-add peak of one thread.
#include "fma_rate.h"

#include "../cpu/isa.h"

#include <algorithm>
#include <chrono>

namespace {

constexpr int kChains = 12;      // covers latency (4 cycles) times throughput (2 a cycle)
constexpr int kRounds = 200000;  // a slice of one to a few milliseconds

typedef float Vector4 __attribute__((vector_size(16)));
typedef float Vector8 __attribute__((vector_size(32)));
typedef float Vector16 __attribute__((vector_size(64)));

// Twelve sums that depend on themselves only and start apart, or they would be merged. They are
// variables, since an array would be kept in memory; the empty assembly hides the recurrence.
template <typename Vector>
[[gnu::always_inline]] inline float multiply_add() {
  const Vector a = Vector{} + 0.5f, b = Vector{} + 1.0f;  // tends to 2
  Vector x0 = b, x1 = x0 + b, x2 = x1 + b, x3 = x2 + b, x4 = x3 + b, x5 = x4 + b, x6 = x5 + b,
         x7 = x6 + b, x8 = x7 + b, x9 = x8 + b, x10 = x9 + b, x11 = x10 + b;
  for (int round = 0; round < kRounds; ++round) {
    x0 = a * x0 + b, x1 = a * x1 + b, x2 = a * x2 + b, x3 = a * x3 + b;
    x4 = a * x4 + b, x5 = a * x5 + b, x6 = a * x6 + b, x7 = a * x7 + b;
    x8 = a * x8 + b, x9 = a * x9 + b, x10 = a * x10 + b, x11 = a * x11 + b;
    asm volatile("" ::: "memory");
  }
  const Vector sum = x0 + x1 + x2 + x3 + x4 + x5 + x6 + x7 + x8 + x9 + x10 + x11;
  return sum[0];
}

#if ARIIGCN_X86
__attribute__((target("avx512f"))) float multiply_add_avx512() { return multiply_add<Vector16>(); }
__attribute__((target("avx2,fma"))) float multiply_add_avx2() { return multiply_add<Vector8>(); }
#endif
float multiply_add_generic() { return multiply_add<Vector4>(); }

struct Kernel {
  float (*run)();
  int lanes;
};

Kernel widest() {
#if ARIIGCN_X86
  if (ariigcn::best_isa() == ariigcn::Isa::kAvx512) return {multiply_add_avx512, 16};
  if (ariigcn::best_isa() == ariigcn::Isa::kAvx2) return {multiply_add_avx2, 8};
#endif
  return {multiply_add_generic, 4};
}

}  // namespace

namespace ariigcn {

double fma_rate(double seconds) {
  using Clock = std::chrono::steady_clock;
  const Kernel kernel = widest();
  const double flops = 2.0 * kernel.lanes * kChains * kRounds;
  const auto start = Clock::now();
  double best = 0;
  volatile float sink = 0;
  do {
    const auto begin = Clock::now();
    sink = kernel.run();
    const std::chrono::duration<double> slice = Clock::now() - begin;
    best = std::max(best, flops / slice.count());
  } while (std::chrono::duration<double>(Clock::now() - start).count() < seconds);
  (void)sink;
  return best / 1e9;
}

}  // namespace ariigcn
