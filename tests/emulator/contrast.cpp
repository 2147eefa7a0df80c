#include "contrast.h"

#include "cuda/pairwise_contrast/launchers.h"
#include "types.h"

namespace {
using namespace ariigcn;

template <typename T>
ContrastInput<T> contrast_input(const int64_t* shape, const int64_t* const* ids,
                                const int64_t* rule, const double* settings, const void* z) {
  return {shape[0], shape[1], shape[2],           static_cast<const T*>(z),  ids[0],
          ids[1],   ids[2],   {rule[0], rule[1]}, acc_t<T>(1 / settings[0]), acc_t<T>(settings[1])};
}

}  // namespace

void set_max_blocks(unsigned blocks) { emulator::max_blocks = blocks; }
unsigned launch_count() { return emulator::launches; }
int64_t contrast_part_count(const int64_t* shape) { return contrast_parts(shape[0], shape[1]); }
int64_t contrast_partial_stats() { return kNumPartialStats; }

int pairwise_contrast(int dtype, const int64_t* shape, const int64_t* const* ids,
                      const int64_t* rule, const double* settings, int tf32, const void* z,
                      void* partial, void* stats) {
  return for_floating(dtype, [&](auto t) {
    using acc = acc_t<decltype(t)>;
    const auto in = contrast_input<decltype(t)>(shape, ids, rule, settings, z);
    return launch_pairwise_contrast(in, tf32, static_cast<acc*>(partial), static_cast<acc*>(stats),
                                    nullptr);
  });
}

int pairwise_contrast_backward(int dtype, const int64_t* shape, const int64_t* const* ids,
                               const int64_t* rule, const double* settings, int tf32, const void* z,
                               const void* grad, const void* stats, void* partial, void* grad_z) {
  return for_floating(dtype, [&](auto t) {
    using acc = acc_t<decltype(t)>;
    const auto in = contrast_input<decltype(t)>(shape, ids, rule, settings, z);
    return launch_pairwise_contrast_backward(
        in, tf32, static_cast<const acc*>(grad), static_cast<const acc*>(stats),
        static_cast<acc*>(partial), static_cast<decltype(t)*>(grad_z), nullptr);
  });
}
