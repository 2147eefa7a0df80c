// The demands of pairwise contrast, alike on every device.
#pragma once

#include <cmath>

#include "checks.h"

namespace ariigcn {

template <typename Inputs>
Checks check_pairwise_contrast(const char* op, const Inputs& in) {
  Checks::dim(op, "z", in.z, 3);
  const Checks check(op, in.z);
  const int64_t groups = in.z.size(0), size = in.z.size(1);
  check.floating();
  check.values("z", in.z, {groups, size, in.z.size(2)});
  check.int64("label", in.label, {groups, size});
  check.int64("modality", in.modality, {groups, size});
  check.int64("utterance", in.utterance, {groups, size});
  STD_TORCH_CHECK((in.positives | in.negatives) >> 8 == 0 && (in.positives & in.negatives) == 0, op,
                  ": positives and negatives must be different sets of the codes 0 to 7");
  STD_TORCH_CHECK(in.temperature > 0 && std::isfinite(in.temperature), op,
                  ": temperature must be positive");
  STD_TORCH_CHECK(std::isfinite(in.margin), op, ": margin must be finite");
  return check;
}

}  // namespace ariigcn
