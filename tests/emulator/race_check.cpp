// Runs every segment kernel once on a small graph. Built with ThreadSanitizer, it ends with an
// error if two CUDA threads touch one address, one of them writing, without a barrier between.
#include <cstdio>
#include <vector>

#include "harness.h"

namespace {

constexpr int64_t kGroups = 1, kWidth = 33, kDegree = 33, kTargets = 3, kSources = 33;
constexpr int64_t kEdges = kTargets * kDegree, kSegments = kEdges / 11;

std::vector<float> wave(int64_t count) {
  std::vector<float> values(count);
  for (int64_t k = 0; k < count; ++k) values[k] = float(k * 37 % 101) / 50 - 1;
  return values;
}

// Every target hears every source; a target's edges are three segments of 11, all of a relation.
std::vector<int32_t> plan_of_all() {
  std::vector<int32_t> plan;
  const auto add = [&](int64_t count, const auto& entry) {
    for (int64_t k = 0; k < count; ++k) plan.push_back(int32_t(entry(k)));
  };
  const auto itself = [](int64_t k) { return k; };
  add(kTargets + 1, [](int64_t i) { return i * kDegree; });
  add(kEdges, [](int64_t e) { return e % kDegree; });
  add(kSegments + 1, [](int64_t p) { return p * 11; });
  add(kSegments, [](int64_t p) { return p / 3; });
  add(kSegments, [](int64_t) { return 0; });
  add(kEdges, [](int64_t e) { return e / 11; });
  add(kSources + 1, [](int64_t j) { return j * kTargets; });
  add(kEdges, [](int64_t k) { return k / kTargets + k % kTargets * kDegree; });
  add(2, [](int64_t r) { return r * kSegments; });
  add(kSegments, itself);
  add(kTargets, itself);
  add(2, [](int64_t c) { return c * kTargets; });
  return plan;
}

}  // namespace

int main() {
  const auto plan = plan_of_all();
  const int64_t sizes[] = {kTargets, kSources, kEdges, kSegments, 1, 1};
  const auto weight = wave(kGroups * kEdges), feat = wave(kGroups * kSources * kWidth);
  std::vector<float> sums(kGroups * kSegments * kWidth), dots(weight), back(feat);
  const int error =
      segment_spmm(0, plan.data(), sizes, kGroups, kWidth, 0, weight.data(), feat.data(),
                   sums.data()) |
      segment_spmm(0, plan.data(), sizes, kGroups, kWidth, 1, weight.data(), sums.data(),
                   back.data()) |
      segment_sddmm(0, plan.data(), sizes, kGroups, kWidth, sums.data(), feat.data(), dots.data());
  std::printf("%u launches, error %d\n", launch_count(), error);
  return error;
}
