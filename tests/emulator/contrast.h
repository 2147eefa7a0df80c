// The launchers of the pairwise contrast with C linkage; `dtype` as in types.h. `shape`: groups, N,
// width; `ids`: label, modality, utterance; `rule`: positives, negatives; `settings`: temperature,
// margin; `form`: of the loss, and its margin mode. Tensors are contiguous.
#pragma once

#include <cstdint>

extern "C" {
void set_max_blocks(unsigned blocks);
void set_run_blocks(unsigned blocks);
unsigned launch_count();
int64_t contrast_part_count(const int64_t* shape);
// The elements of scratch: partial statistics, sums of a tile, counters.
void contrast_scratch(const int64_t* shape, int64_t* counts);

int pairwise_contrast(int dtype, const int64_t* shape, const int64_t* const* ids,
                      const int64_t* rule, const double* settings, int precision, int shifted,
                      const void* z, void* partial, unsigned* counter, void* stats);
int pairwise_contrast_backward(int dtype, const int64_t* shape, const int64_t* const* ids,
                               const int64_t* rule, const double* settings, int precision,
                               int shifted, const void* z, const void* grad, const void* stats,
                               void* partial, void* grad_z);
int contrast_loss(int dtype, const int64_t* shape, const int64_t* const* ids, const int64_t* rule,
                  const double* settings, int precision, int shifted, const int64_t* form,
                  const void* feat, void* z, void* inverse, void* partial, void* total,
                  unsigned* counter, void* stats, void* slope, void* loss, void* anchors);
int contrast_loss_backward(int dtype, const int64_t* shape, const int64_t* const* ids,
                           const int64_t* rule, const double* settings, int precision, int shifted,
                           const int64_t* form, const void* feat, const void* z, void* inverse,
                           const void* slope, const void* stats, const void* grad,
                           const void* anchors, void* partial, void* grad_feat);
}
