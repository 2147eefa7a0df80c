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
  T* grad_sums = nullptr;  // by the segments' sums (segments by relation, in_feats), or by the
                           // transformed sources (pairs, heads' out_feats)
  T* ds = nullptr;         // by the scores (edges, heads)
  T *grad_u = nullptr, *grad_v = nullptr;  // (rows, pitch)
  // u_i + b_r and its gradient (segments by relation, pitch)
  T *biased_u = nullptr, *grad_biased = nullptr;
  const T* w = nullptr;  // score vectors, one row
  T* grad_w = nullptr;   // one partial row per task, targets' tasks first, and of hubs
  bool first_block = true;

  T* by_edge() const { return ds - this->block.edge * this->heads; }
  T* grad_src(int64_t j) const { return grad.src_feat + (this->src_feat(j) - this->op.src_feat); }
  const T* u_of(int64_t e) const {
    const int64_t s = this->graph().edge_seg[e];
    return this->op.bias == nullptr ? this->u_row(this->graph().seg_dst[s])
                                    : biased_u + this->at(s) * this->pitch;
  }
};

// The most edges that leave a source of the block and are worked on at once.
inline int64_t most_leaving(const GraphPlan& graph, const Block& block) {
  int64_t most = 0;
  for (int64_t j = block.src; j < block.src_end; ++j)
    most = std::max(most, graph.t_indptr[j + 1] - graph.t_indptr[j]);
  return std::min(most, kHubEdges);
}

}  // namespace ariigcn::ARIIGCN_ISA
