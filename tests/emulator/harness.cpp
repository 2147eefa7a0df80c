#include "harness.h"

#include <cuda_runtime_api.h>

#include "cuda/edge_attention.h"
#include "cuda/segment_spmm.h"
#include "types.h"

namespace {
using namespace ariigcn;

// `data` as a pointer to the type of the second argument.
template <typename T>
const T* in(const void* data, T) {
  return static_cast<const T*>(data);
}
template <typename T>
T* out(void* data, T) {
  return static_cast<T*>(data);
}

SegmentShape segment_shape(const int64_t* s) { return {s[0], s[1], s[2], s[3], s[4]}; }
AttentionShape attention_shape(const int64_t* s) { return {s[0], s[1], s[2], s[3], s[4]}; }
template <typename index_t>
AttentionGraph<index_t> attention_graph(const void* const* g, index_t i) {
  return {in(g[0], i), in(g[1], i), in(g[2], i), in(g[3], i), in(g[4], i)};
}

}  // namespace

void set_max_blocks(unsigned blocks) { emulator::max_blocks = blocks; }
void set_run_blocks(unsigned blocks) { emulator::run_blocks = blocks; }
unsigned launch_count() { return emulator::launches; }

void round_trip(int dtype, int64_t count, const float* from, void* stored, float* to) {
  for_floating(dtype, [&](auto t) {
    for (int64_t k = 0; k < count; ++k) {
      out(stored, t)[k] = decltype(t)(from[k]);
      to[k] = float(out(stored, t)[k]);
    }
    return 0;
  });
}

int segment_spmm(int dtype, int index, const int64_t* shape, const void* seg_ptr,
                 const void* indices, const void* weight, const void* feat, void* result) {
  return for_types(dtype, index, [&](auto t, auto i) {
    return launch_segment_spmm(segment_shape(shape), in(seg_ptr, i), in(indices, i), in(weight, t),
                               in(feat, t), out(result, t), nullptr);
  });
}

int segment_sddmm(int dtype, int index, const int64_t* shape, const void* indices,
                  const void* edge_seg, const void* left, const void* right, void* result) {
  return for_types(dtype, index, [&](auto t, auto i) {
    return launch_segment_sddmm(segment_shape(shape), in(indices, i), in(edge_seg, i), in(left, t),
                                in(right, t), out(result, t), nullptr);
  });
}

int64_t attention_partial_rows(const int64_t* shape) {
  return partial_rows(attention_shape(shape));
}

int edge_attention(int dtype, int index, const int64_t* shape, const void* const* graph,
                   const void* u, const void* v, const void* w, double slope, void* scores,
                   void* alpha) {
  return for_types(dtype, index, [&](auto t, auto i) {
    const acc_t<decltype(t)> acc{};
    return launch_edge_attention(attention_shape(shape), attention_graph(graph, i), in(u, t),
                                 in(v, t), in(w, t), slope, out(scores, acc), out(alpha, t),
                                 nullptr);
  });
}

int edge_attention_backward(int dtype, int index, const int64_t* shape, const void* const* graph,
                            const void* grad, const void* alpha, const void* u, const void* v,
                            const void* w, double slope, void* grad_score, void* partial,
                            void* grad_u, void* grad_v, void* grad_w) {
  return for_types(dtype, index, [&](auto t, auto i) {
    using acc = acc_t<decltype(t)>;
    const AttentionBackward<decltype(t)> pass{in(grad, t),
                                              in(alpha, t),
                                              in(u, t),
                                              in(v, t),
                                              in(w, t),
                                              acc(slope),
                                              out(grad_score, acc{}),
                                              out(partial, acc{}),
                                              out(grad_u, t),
                                              out(grad_v, t),
                                              out(grad_w, t)};
    return launch_edge_attention_backward(attention_shape(shape), attention_graph(graph, i), pass,
                                          nullptr);
  });
}
