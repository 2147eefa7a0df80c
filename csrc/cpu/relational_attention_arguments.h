// What the relational attention kernels read and write; see ops/relational_attention.py.
#pragma once

#include <cstdint>

#include "../graph_plan.h"
#include "../relational_attention_options.h"

namespace ariigcn {

// u and v have `attn_pitch` >= attn_feats elements a row, zeros in between.
template <typename T>
struct RelationalAttention : AttentionOptions {
  GraphPlan graph;
  int64_t groups, heads;  // group g reads the features of g / heads
  int64_t in_feats, attn_feats, attn_pitch, out_feats;
  T keep;  // probability that dropout keeps an edge
  uint64_t seed;

  const T *dst_feat, *src_feat;  // (groups / heads, N, in_feats); the same if the nodes are shared
  const T *weight_dst, *weight_src;  // (groups, in_feats, attn_feats)
  const T* score;                    // (groups, attn_feats)
  const T* bias;                     // (groups, num_rels, attn_feats), or null
  const T* edge_weight;              // (num_edges), or null
  const T* rel_weight;               // (groups, num_rels, in_feats, out_feats)

  T *out, *alpha;  // (groups, num_dst, out_feats), (groups, num_edges)
  T *u, *v, *pre;  // kept for backward, or null: (groups, N, attn_pitch), and `out` before GELU
};

template <typename T>
struct RelationalAttentionGrad {
  RelationalAttention<T> forward;
  const T *grad_out, *grad_alpha;  // grad_alpha may be null
  T *dst_feat, *src_feat;          // the same if the nodes are shared
  T *weight_dst, *weight_src, *score, *bias, *edge_weight, *rel_weight;
};

}  // namespace ariigcn
