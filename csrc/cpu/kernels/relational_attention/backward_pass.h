// What the backward pass has besides: gradients, and where they are gathered.
#pragma once

#include "pass.h"

namespace ariigcn::ARIIGCN_ISA {

constexpr int64_t kHubPartials = 2;  // rows of `grad_w`: of hubs as targets, and as sources

template <typename T>
struct BackwardPass : AttentionPass<T> {
  const RelationalAttentionGrad<T>& grad;
  // By `out` before GELU, of the block's targets; rows of the next head are so far away, unless
  // they have the heads side by side.
  const T* grad_pre = nullptr;
  int64_t head_stride = 0;
  // By the segments' sums (segments by relation, in_feats), of several heads what edges add to the
  // gradients of their sources (edges, columns), or by the transformed sources (pairs, heads'
  // out_feats).
  T* grad_sums = nullptr;
  T* ds = nullptr;                         // by the scores (edges, heads)
  T *grad_u = nullptr, *grad_v = nullptr;  // (rows, pitch)
  // u_i + b_r and its gradient (segments by relation, pitch)
  T *biased_u = nullptr, *grad_biased = nullptr;
  const T* w = nullptr;  // score vectors, one row
  T* grad_w = nullptr;   // one partial row per task, targets' tasks first, and of hubs
  bool first_block = true;

  const T* head_grad(int64_t h) const { return grad_pre + h * head_stride; }
  T* by_edge() const { return ds - this->block.edge * this->heads; }
  T* grad_src(int64_t j) const { return grad.src_feat + (this->src_feat(j) - this->op.src_feat); }
  const T* u_of(int64_t e) const {
    const int64_t s = this->graph().edge_seg[e];
    return this->op.bias == nullptr ? this->u_row(this->graph().seg_dst[s])
                                    : biased_u + this->at(s) * this->pitch;
  }
};

// The gradient of the sources' features, columns k0 .. k0 + width. `make` gives a thread what
// writes the share of edges first .. last in order of sources, all of one.
template <typename T, typename Make>
void take_at_sources(const BackwardPass<T>& pass, const EdgeTasks& sources, int64_t k0,
                     int64_t width, const Make& make) {
  const bool add = pass.g % pass.op.heads > 0;  // to what the heads before made
  const auto take = [&](int64_t j, const T* row) {
    T* feat = pass.grad_src(j) + k0;
    for_vectors<T>(width, [&](int64_t k, auto at) {
      at(feat + k, add ? vec<T>(at(feat + k) + at(row + k)) : at(row + k));
    });
  };
  const Buffer<T> of_parts(sources.hubs.count() * width);
  sources.hubs.run([&] {
    return [&, share = make()](int64_t p, const HubPart& part) {
      share(part.first, part.last, of_parts + p * width);
    };
  });
  sources.hubs.add_up<T>(&HubPart::row, of_parts, width,
                         [&](const HubPart& part, int64_t, T* row) { take(part.row, row); });
  sources.run([&] {
    return [&, share = make(), row = Buffer<T>(width)](int64_t, int64_t first, int64_t last) {
      const IndexArray ptr = pass.graph().t_indptr;
      for (int64_t j = first; j < last; ++j) {
        share(ptr[j], ptr[j + 1], add ? row + 0 : pass.grad_src(j) + k0);
        if (add) take(j, row);
      }
    };
  });
}

// The most edges that leave a source of the block and are worked on at once.
inline int64_t most_leaving(const GraphPlan& graph, const Block& block) {
  int64_t most = 0;
  for (int64_t j = block.src; j < block.src_end; ++j)
    most = std::max(most, graph.t_indptr[j + 1] - graph.t_indptr[j]);
  return std::min(most, kHubEdges);
}

}  // namespace ariigcn::ARIIGCN_ISA
