// The launchers of the relational attention with C linkage; `dtype` as in types.h.
// Tensors are contiguous; optional ones may be null. Scratch is allocated here, array by array and
// full of NaN, so that sanitizers and results tell of what was not to be read.
#pragma once

#include <cstdint>

extern "C" {
// All of type int64, in this order. `graph` lists the members of GraphSizes.
struct RelationalSizes {
  int64_t graph[6];
  int64_t modalities, heads, in_feats, attn_feats, attn_pitch, out_feats;
  int64_t activation, normalise, gelu, within_relation, fp32_precision;
  int64_t shared;  // targets are the sources
};
struct RelationalTensors {
  const int32_t* plan;
  const int64_t* seed;
  const void *dst_feat, *src_feat, *weight_dst, *weight_src, *score, *bias, *edge_weight,
      *rel_weight;
  void *out, *alpha, *u, *v, *gelu_grad;
};
struct RelationalGrads {
  const void *grad_out, *grad_alpha;
  void *dst_feat, *src_feat, *weight_dst, *weight_src, *score, *rel_weight, *bias, *edge_weight;
};

void set_max_blocks(unsigned blocks);
void set_many_tiles(int64_t tiles);
void set_most_block_edges(int edges, int means);
unsigned launch_count();
int relational_forward(int dtype, const RelationalSizes* sizes, const RelationalTensors* tensors,
                       double slope, double keep);
int relational_backward(int dtype, const RelationalSizes* sizes, const RelationalTensors* tensors,
                        double slope, double keep, const RelationalGrads* grads);
}
