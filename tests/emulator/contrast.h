// The launchers of the pairwise contrast with C linkage; `dtype` as in types.h. `shape`: groups, N,
// width; `ids`: label, modality, utterance; `rule`: positives, negatives; `settings`: temperature,
// margin. Tensors are contiguous.
#pragma once

#include <cstdint>

extern "C" {
void set_max_blocks(unsigned blocks);
unsigned launch_count();
int64_t contrast_part_count(const int64_t* shape);
int64_t contrast_partial_stats();

int pairwise_contrast(int dtype, const int64_t* shape, const int64_t* const* ids,
                      const int64_t* rule, const double* settings, int tf32, const void* z,
                      void* partial, void* stats);
int pairwise_contrast_backward(int dtype, const int64_t* shape, const int64_t* const* ids,
                               const int64_t* rule, const double* settings, int tf32, const void* z,
                               const void* grad, const void* stats, void* partial, void* grad_z);
}
