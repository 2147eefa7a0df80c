// Runs every kernel once on a small graph, whose indices are int32. Built with ThreadSanitizer, it
// ends with an error if two CUDA threads touch one address, one of them writing, without a barrier
// between.
#include <cstdio>
#include <vector>

#include "harness.h"

namespace {

constexpr int64_t kGroups = 1, kWidth = 33, kDegree = 33, kTargets = 3, kSources = 33;
constexpr int64_t kEdges = kTargets * kDegree;

std::vector<float> wave(int64_t count) {
  std::vector<float> values(count);
  for (int64_t k = 0; k < count; ++k) values[k] = float(k * 37 % 101) / 50 - 1;
  return values;
}

// Every target hears every source; a target's edges are three segments of 11.
struct Graph {
  std::vector<int32_t> indptr, indices, dst, t_indptr, t_eids, seg_ptr, edge_seg;

  Graph() {
    for (int64_t i = 0; i <= kTargets; ++i) indptr.push_back(i * kDegree);
    for (int64_t e = 0; e < kEdges; ++e) {
      indices.push_back(e % kDegree);
      dst.push_back(e / kDegree);
      edge_seg.push_back(e / 11);
    }
    for (int64_t j = 0; j <= kSources; ++j) t_indptr.push_back(j * kTargets);
    for (int64_t e = 0; e < kEdges; ++e) t_eids.push_back(e / kTargets + e % kTargets * kDegree);
    for (int64_t p = 0; p <= kEdges / 11; ++p) seg_ptr.push_back(p * 11);
  }
};

int run_segments(const Graph& graph) {
  const int64_t shape[] = {kGroups, kEdges / 11, kEdges, kSources, kWidth};
  const auto weight = wave(kGroups * kEdges), feat = wave(kGroups * kSources * kWidth);
  std::vector<float> sums(kGroups * kEdges / 11 * kWidth), dots(kGroups * kEdges);
  return segment_spmm(0, 0, shape, graph.seg_ptr.data(), graph.indices.data(), weight.data(),
                      feat.data(), sums.data()) |
         segment_sddmm(0, 0, shape, graph.indices.data(), graph.edge_seg.data(), sums.data(),
                       feat.data(), dots.data());
}

int run_attention(const Graph& graph) {
  const int64_t shape[] = {kGroups, kTargets, kSources, kEdges, kWidth};
  const void* index[] = {graph.indptr.data(), graph.indices.data(), graph.dst.data(),
                         graph.t_indptr.data(), graph.t_eids.data()};
  const auto u = wave(kGroups * kTargets * kWidth), v = wave(kGroups * kSources * kWidth);
  const auto w = wave(kGroups * kWidth), grad = wave(kGroups * kEdges);
  std::vector<float> alpha(grad), score(grad), du(u), dv(v), dw(w);
  std::vector<float> partial(kGroups * attention_partial_rows(shape) * kWidth);
  return edge_attention(0, 0, shape, index, u.data(), v.data(), w.data(), 0.1, alpha.data(),
                        alpha.data()) |
         edge_attention_backward(0, 0, shape, index, grad.data(), alpha.data(), u.data(), v.data(),
                                 w.data(), 0.1, score.data(), partial.data(), du.data(), dv.data(),
                                 dw.data());
}

}  // namespace

int main() {
  const Graph graph;
  const int error = run_segments(graph) | run_attention(graph);
  std::printf("%u launches, error %d\n", launch_count(), error);
  return error;
}
