// Runs the pairwise contrast on rows of two tiles, with arrays of exactly the sizes that it may
// touch. Built with ThreadSanitizer, it ends with an error if two CUDA threads touch one address,
// one of them writing, without a barrier between; with AddressSanitizer, at an access out of
// bounds.
#include <bit>
#include <cstdio>
#include <vector>

#include "contrast.h"

namespace {

constexpr int64_t kRows = 66;

std::vector<float> wave(int64_t count) {
  std::vector<float> values(count);
  for (int64_t k = 0; k < count; ++k) values[k] = float(k * 37 % 101) / 500 - 0.1f;
  return values;
}

struct Case {
  int dtype, precision, shifted;
  int64_t width, spread = 1, form = 2, groups = 1;
};

int run(const Case& asked) {
  const auto [dtype, precision, shifted, width, spread, kind, groups] = asked;
  const int64_t count = groups * kRows, shape[] = {groups, kRows, width},
                rule[] = {0b10101010, 0b01010101}, form[] = {kind, 0};
  const double settings[] = {0.1, 0.8};
  const auto feat = wave(count * width);
  std::vector<uint16_t> halves(feat.size()), half_z(feat.size()), half_grad(feat.size());
  for (size_t k = 0; k < feat.size(); ++k) halves[k] = std::bit_cast<uint32_t>(feat[k]) >> 16;
  std::vector<int64_t> label(count), utterance(count);
  for (int64_t i = 0; i < count; ++i) label[i] = i % 3 * spread, utterance[i] = i;
  const int64_t* ids[] = {label.data(), label.data(), utterance.data()};
  int64_t counts[3];
  contrast_scratch(shape, counts);
  std::vector<float> z(feat.size()), grad_feat(feat.size()), inverse(count), partial(counts[0]),
      total(counts[1]), stats(8 * count), slope(8 * count), loss(1), anchors(1),
      parts(contrast_part_count(shape) * feat.size());
  std::vector<unsigned> counter(counts[2]);
  const auto of = [&](std::vector<float>& floats, std::vector<uint16_t>& rounded) {
    return dtype == 0 ? static_cast<void*>(floats.data()) : rounded.data();
  };
  auto given = feat;
  return contrast_loss(dtype, shape, ids, rule, settings, precision, shifted, form,
                       of(given, halves), of(z, half_z), inverse.data(), partial.data(),
                       total.data(), counter.data(), stats.data(), slope.data(), loss.data(),
                       anchors.data()) |
         contrast_loss_backward(dtype, shape, ids, rule, settings, precision, shifted, form,
                                of(given, halves), of(z, half_z), inverse.data(), slope.data(),
                                stats.data(), loss.data(), anchors.data(), parts.data(),
                                of(grad_feat, half_grad));
}

}  // namespace

int main() {
  constexpr int kFloat = 0, kBfloat16 = 3;
  constexpr int64_t kWide = int64_t(1) << 33;
  set_max_blocks(1);  // which takes all the work in turn, and its shared memory again and again
  int error = 0;
  for (const Case& one : {Case{kFloat, 0, 0, 40},
                          {kFloat, 1, 0, 37},
                          {kFloat, 2, 1, 37, kWide},
                          {kBfloat16, 0, 0, 72},
                          {kBfloat16, 0, 1, 37, kWide},
                          {kBfloat16, 0, 0, 200, 1, 0}})
    error |= run(one);
  set_max_blocks(~0u);
  set_run_blocks(2);  // each with several tiles of columns, as groups are many
  error |= run({kBfloat16, 0, 0, 136, 1, 2, 256}) | run({kBfloat16, 0, 0, 256, 1, 2, 256});
  std::printf("%u launches, error %d\n", launch_count(), error);
  return error;
}
