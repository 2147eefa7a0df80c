// The launchers of csrc/cuda with C linkage; `dtype` and `index` as in types.h. `shape` lists the
// members of the operator's shape in order; tensors are contiguous.
#pragma once

#include <cstdint>

extern "C" {
void set_max_blocks(unsigned blocks);
void set_run_blocks(unsigned blocks);
unsigned launch_count();
void round_trip(int dtype, int64_t count, const float* in, void* stored, float* out);

int segment_spmm(int dtype, int index, const int64_t* shape, const void* seg_ptr,
                 const void* indices, const void* weight, const void* feat, void* out);
int segment_sddmm(int dtype, int index, const int64_t* shape, const void* indices,
                  const void* edge_seg, const void* left, const void* right, void* out);

// `graph`: indptr, indices, dst, t_indptr, t_eids.
int64_t attention_partial_rows(const int64_t* shape);
int edge_attention(int dtype, int index, const int64_t* shape, const void* const* graph,
                   const void* u, const void* v, const void* w, double slope, void* scores,
                   void* alpha);
int edge_attention_backward(int dtype, int index, const int64_t* shape, const void* const* graph,
                            const void* grad, const void* alpha, const void* u, const void* v,
                            const void* w, double slope, void* grad_score, void* partial,
                            void* grad_u, void* grad_v, void* grad_w);
}
