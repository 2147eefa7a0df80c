// What the relational attention kernels read and write; see ops/relational_attention.py.
#pragma once

#include <algorithm>
#include <cstdint>

#include "../graph_plan.h"
#include "../relational_attention_options.h"

namespace ariigcn {

// The largest power of two up to `count`.
inline int64_t largest_power(int64_t count) {
  int64_t power = 1;
  while (2 * power <= count) power *= 2;
  return power;
}

// Elements that u and v have for each node of a modality: the scores' columns of powers of two of
// heads, filled up to whole vectors of any type and instruction set.
inline int64_t kept_pitch(int64_t heads, int64_t attn_feats) {
  constexpr int64_t lanes = 16;
  int64_t pitch = 0;
  for (int64_t left = heads, n; left > 0; left -= n) {
    n = largest_power(std::min(left, lanes));
    pitch += (n * attn_feats + lanes - 1) / lanes * lanes;
  }
  return pitch;
}

template <typename T>
struct RelationalAttention : AttentionOptions {
  GraphPlan graph;
  int64_t groups, heads;  // group g reads the features of g / heads
  int64_t in_feats, attn_feats, out_feats;
  int64_t kept_pitch;
  bool transforms_first;  // see kernels/relational_attention/transform_first.h
  T keep;                 // probability that dropout keeps an edge
  uint64_t seed;

  const T *dst_feat, *src_feat;  // (groups / heads, N, in_feats); the same if the nodes are shared
  const T *weight_dst, *weight_src;  // (groups, in_feats, attn_feats)
  const T* score;                    // (groups, attn_feats)
  const T* bias;                     // (groups, num_rels, attn_feats), or null
  const T* edge_weight;              // (num_edges), or null
  const T* rel_weight;               // (groups, num_rels, in_feats, out_feats)

  T *out, *alpha;  // (groups, num_dst, out_feats), (groups, num_edges)
  // Kept for backward, or null: (groups / heads, N, kept_pitch), and `out` before GELU.
  T *u, *v, *pre;
};

template <typename T>
struct RelationalAttentionGrad {
  RelationalAttention<T> forward;
  const T *grad_out, *grad_alpha;  // grad_alpha may be null
  T *dst_feat, *src_feat;          // the same if the nodes are shared
  T *weight_dst, *weight_src, *score, *bias, *edge_weight, *rel_weight;
};

}  // namespace ariigcn
