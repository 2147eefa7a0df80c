// Runs the pairwise contrast on rows of two tiles, with arrays of exactly the sizes that it may
// touch. Built with ThreadSanitizer, it ends with an error if two CUDA threads touch one address,
// one of them writing, without a barrier between; with AddressSanitizer, at an access out of
// bounds.
#include <bit>
#include <cstdio>
#include <vector>

#include "contrast.h"

namespace {

constexpr int64_t kRows = 66, kWidth = 37;

std::vector<float> wave(int64_t count) {
  std::vector<float> values(count);
  for (int64_t k = 0; k < count; ++k) values[k] = float(k * 37 % 101) / 500 - 0.1f;
  return values;
}

int run(int dtype, int tf32) {
  const int64_t shape[] = {1, kRows, kWidth}, rule[] = {0b10101010, 0b01010101};
  const double settings[] = {0.1, 0.8};
  const auto z = wave(kRows * kWidth), grad = wave(8 * kRows);
  std::vector<uint16_t> halves(z.size()), grad_halves(z.size());
  for (size_t k = 0; k < z.size(); ++k) halves[k] = std::bit_cast<uint32_t>(z[k]) >> 16;
  std::vector<int64_t> label(kRows), utterance(kRows);
  for (int64_t i = 0; i < kRows; ++i) label[i] = i % 3, utterance[i] = i;
  const int64_t* ids[] = {label.data(), label.data(), utterance.data()};
  const int64_t parts = contrast_part_count(shape);
  std::vector<float> stats(8 * kRows), grad_z(z.size());
  std::vector<float> partial(parts * contrast_partial_stats() * kRows),
      parts_of_z(parts * z.size());
  const void* in = dtype == 0 ? static_cast<const void*>(z.data()) : halves.data();
  void* out = dtype == 0 ? static_cast<void*>(grad_z.data()) : grad_halves.data();
  return pairwise_contrast(dtype, shape, ids, rule, settings, tf32, in, partial.data(),
                           stats.data()) |
         pairwise_contrast_backward(dtype, shape, ids, rule, settings, tf32, in, grad.data(),
                                    stats.data(), parts_of_z.data(), out);
}

}  // namespace

int main() {
  constexpr int kFloat = 0, kBfloat16 = 3;
  set_max_blocks(1);  // which takes all the work in turn, and its shared memory again and again
  const int error = run(kFloat, 0) | run(kFloat, 1) | run(kBfloat16, 0);
  std::printf("%u launches, error %d\n", launch_count(), error);
  return error;
}
