#include "contrast.h"

#include "cuda/pairwise_contrast/launchers.h"
#include "types.h"

namespace {
using namespace ariigcn;

template <typename T>
ContrastInput<T> contrast_input(const int64_t* shape, const int64_t* const* ids,
                                const int64_t* rule, const double* settings,
                                Exponentials exponentials, const void* z) {
  return {shape[0],
          shape[1],
          shape[2],
          static_cast<const T*>(z),
          ids[0],
          ids[1],
          ids[2],
          PairKinds({rule[0], rule[1]}),
          acc_t<T>(1 / settings[0]),
          acc_t<T>(settings[1]),
          exponentials};
}

template <typename T>
ContrastScratch<T> scratch(void* partial, void* total, unsigned* counter) {
  return {static_cast<T*>(partial), static_cast<T*>(total), counter};
}

// A pass that returns all statistics, and one for a loss of some form.
Exponentials exponentials_of_stats(int shifted) {
  return shifted ? Exponentials::kShifted : Exponentials::kPlain;
}
Exponentials exponentials_of_loss(int shifted, const int64_t* form, const double* settings) {
  return shifted ? Exponentials::kShifted : exponentials_of(ContrastForm(form[0]), settings[0]);
}

}  // namespace

void set_max_blocks(unsigned blocks) { emulator::max_blocks = blocks; }
void set_run_blocks(unsigned blocks) { emulator::run_blocks = blocks; }
unsigned launch_count() { return emulator::launches; }
int64_t contrast_part_count(const int64_t* shape) { return contrast_parts(shape[0], shape[1]); }
void contrast_scratch(const int64_t* shape, int64_t* counts) {
  counts[0] = ContrastScratch<float>::partials(shape[0], shape[1]);
  counts[1] = ContrastScratch<float>::totals(shape[0], shape[1]);
  counts[2] = ContrastScratch<float>::counters(shape[0], shape[1]);
}

int pairwise_contrast(int dtype, const int64_t* shape, const int64_t* const* ids,
                      const int64_t* rule, const double* settings, int precision, int shifted,
                      const void* z, void* partial, unsigned* counter, void* stats) {
  return for_floating(dtype, [&](auto t) {
    using acc = acc_t<decltype(t)>;
    const auto in =
        contrast_input<decltype(t)>(shape, ids, rule, settings, exponentials_of_stats(shifted), z);
    return launch_pairwise_contrast(in, Fp32Precision(precision),
                                    scratch<acc>(partial, nullptr, counter),
                                    static_cast<acc*>(stats), nullptr, nullptr);
  });
}

int pairwise_contrast_backward(int dtype, const int64_t* shape, const int64_t* const* ids,
                               const int64_t* rule, const double* settings, int precision,
                               int shifted, const void* z, const void* grad, const void* stats,
                               void* partial, void* grad_z) {
  return for_floating(dtype, [&](auto t) {
    using T = decltype(t);
    using acc = acc_t<T>;
    const auto in =
        contrast_input<T>(shape, ids, rule, settings, exponentials_of_stats(shifted), z);
    const auto parts = static_cast<acc*>(partial);
    const int error = launch_pairwise_contrast_backward(
        in, Fp32Precision(precision), static_cast<const acc*>(grad), static_cast<const acc*>(stats),
        parts, nullptr);
    return error | launch_contrast_sum(in.groups, in.size, in.width, parts, static_cast<T*>(grad_z),
                                       nullptr);
  });
}

int contrast_loss(int dtype, const int64_t* shape, const int64_t* const* ids, const int64_t* rule,
                  const double* settings, int precision, int shifted, const int64_t* form,
                  const void* feat, void* z, void* inverse, void* partial, void* total,
                  unsigned* counter, void* stats, void* slope, void* loss, void* anchors) {
  return for_floating(dtype, [&](auto t) {
    using T = decltype(t);
    using acc = acc_t<T>;
    const auto in = contrast_input<T>(shape, ids, rule, settings,
                                      exponentials_of_loss(shifted, form, settings), z);
    const ContrastRows<T> rows{in.groups, in.size,
                               in.width,  static_cast<const T*>(feat),
                               ids[0],    static_cast<acc*>(inverse)};
    const ContrastLossOutput<acc> to{
        {ContrastForm(form[0]), MarginMode(form[1]), acc(settings[0]), acc(settings[1])},
        static_cast<acc*>(slope),
        static_cast<acc*>(loss),
        static_cast<acc*>(anchors)};
    return launch_normalise_rows(rows, static_cast<T*>(z), counter, nullptr) |
           launch_pairwise_contrast(in, Fp32Precision(precision),
                                    scratch<acc>(partial, total, counter), static_cast<acc*>(stats),
                                    &to, nullptr);
  });
}

int contrast_loss_backward(int dtype, const int64_t* shape, const int64_t* const* ids,
                           const int64_t* rule, const double* settings, int precision, int shifted,
                           const int64_t* form, const void* feat, const void* z, void* inverse,
                           const void* slope, const void* stats, const void* grad,
                           const void* anchors, void* partial, void* grad_feat) {
  return for_floating(dtype, [&](auto t) {
    using T = decltype(t);
    using acc = acc_t<T>;
    const auto in = contrast_input<T>(shape, ids, rule, settings,
                                      exponentials_of_loss(shifted, form, settings), z);
    const ContrastRows<T> rows{in.groups, in.size,
                               in.width,  static_cast<const T*>(feat),
                               ids[0],    static_cast<acc*>(inverse)};
    const auto parts = static_cast<acc*>(partial);
    return launch_pairwise_contrast_backward(in, Fp32Precision(precision),
                                             static_cast<const acc*>(slope),
                                             static_cast<const acc*>(stats), parts, nullptr) |
           launch_normalise_rows_backward(rows, static_cast<const acc*>(grad),
                                          static_cast<const acc*>(anchors), parts,
                                          static_cast<T*>(grad_feat), nullptr);
  });
}
