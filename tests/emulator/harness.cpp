#include "harness.h"

#include <cuda_runtime_api.h>

#include "cuda/segment_spmm/launchers.h"
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

GraphPlan graph_of(const int32_t* plan, const int64_t* n) {
  GraphPlan graph{{n[0], n[1], n[2], n[3], n[4], n[5]}};
  graph.lie_in(plan);
  return graph;
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

int segment_spmm(int dtype, const int32_t* plan, const int64_t* sizes, int64_t groups,
                 int64_t width, int transpose, const void* weight, const void* feat, void* result) {
  const GraphPlan graph = graph_of(plan, sizes);
  const SegmentRows rows = (transpose ? source_rows : segment_rows)(graph, groups, width);
  return for_floating(dtype, [&](auto t) {
    return launch_segment_spmm(rows, in(weight, t), in(feat, t), out(result, t), nullptr);
  });
}

int segment_sddmm(int dtype, const int32_t* plan, const int64_t* sizes, int64_t groups,
                  int64_t width, const void* left, const void* right, void* result) {
  const SegmentRows rows = segment_rows(graph_of(plan, sizes), groups, width);
  return for_floating(dtype, [&](auto t) {
    return launch_segment_sddmm(rows, graph_of(plan, sizes).edge_seg, in(left, t), in(right, t),
                                out(result, t), nullptr);
  });
}
