// Edge attention alone: the relational attention's scores and softmax, on given u and v and without
// features (in_feats = 0). Every target is a segment.
#pragma once

#include "relational_attention.h"
#include "relational_attention_backward.h"

namespace ariigcn::ARIIGCN_ISA {

inline Block whole(const AttentionGraph& graph) {
  Block block{};
  block.dst_end = block.seg_end = graph.num_dst;
  block.src_end = graph.num_src;
  block.edge_end = graph.num_edges;
  block.position = graph.seg_dst;
  return block;
}

template <typename T>
AttentionPass<T> edge_pass(const RelationalAttention<T>& op, const Block& block, int64_t g,
                           T* factor) {
  const int64_t pitch = op.attn_pitch;
  return {op,    block, g, op.u + g * op.graph.num_dst * pitch, op.v + g * op.graph.num_src * pitch,
          factor};
}

template <typename T>
void edge_attention(const RelationalAttention<T>& op) {
  const Block block = whole(op.graph);
  const Buffer<T> factor(block.edges());
  for (int64_t g = 0; g < op.groups; ++g)
    attend_all<T>(edge_pass<T>(op, block, g, factor), LeakyRelu<T>{op.slope});
}

// `grad_u` and `grad_v` are like u and v.
template <typename T>
void edge_attention_backward(const RelationalAttentionGrad<T>& grad, T* grad_u, T* grad_v) {
  const RelationalAttention<T>& op = grad.forward;
  const Block block = whole(op.graph);
  const int64_t partials = edge_tasks<T>(block.targets()) + edge_tasks<T>(block.sources());
  const Buffer<T> factor(block.edges()), ds(block.edges()), grad_w(partials * op.attn_pitch);
  std::fill_n(factor + 0, block.edges(), T(0));
  for (int64_t g = 0; g < op.groups; ++g) {
    const ScoreVector<T> w(op, g);
    const AttentionPass<T> forward = edge_pass<T>(op, block, g, factor);
    const BackwardPass<T> pass{forward,
                               grad,
                               nullptr,
                               nullptr,
                               ds,
                               grad_u + (forward.u - op.u),
                               grad_v + (forward.v - op.v),
                               nullptr,
                               nullptr,
                               w,
                               grad_w,
                               true};
    edge_grads<T>(pass, LeakyRelu<T>{op.slope});
    score_grad<T>(pass);
  }
}

}  // namespace ariigcn::ARIIGCN_ISA
