// The launchers of csrc/cuda with C linkage; `dtype` as in types.h; tensors are
// contiguous.
#pragma once

#include <cstdint>

extern "C" {
void set_max_blocks(unsigned blocks);
void set_run_blocks(unsigned blocks);
unsigned launch_count();
void round_trip(int dtype, int64_t count, const float* in, void* stored, float* out);

// `plan` and `sizes` are those of a graph.
int segment_spmm(int dtype, const int32_t* plan, const int64_t* sizes, int64_t groups,
                 int64_t width, int transpose, const void* weight, const void* feat, void* out);
int segment_sddmm(int dtype, const int32_t* plan, const int64_t* sizes, int64_t groups,
                  int64_t width, const void* left, const void* right, void* out);
}
