// Launchers of the fused relational attention and its gradient; see ops/relational_attention.py.
//
// What is known of these kernels comes from the emulator (tests/emulator) and from the machine
// code: no run on a GPU is on record. Sizes of tiles, chunks and blocks are designs, not
// measurements.
#pragma once

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstdint>

#include "../../relational_attention_options.h"
#include "outer_product.h"
#include "row_product.h"

namespace ariigcn {

inline RelationRows relation_rows(const GraphPlan& g) {
  return {g.indptr, g.edge_seg, g.seg_rel, g.seg_dst, g.dst_order, g.seg_order, g.num_rels};
}
inline RowOrder segments_by_relation(const GraphPlan& g) {
  return {g.num_segments, g.rel_ptr, g.seg_order, g.seg_dst, g.num_rels};
}

// Targets or sources of a block of an edge kernel: 16, of which a window's edges share the rows,
// but no more than have some 512 edges on average, which is what a block keeps in shared memory;
// and 4 of small graphs, whose blocks would else be fewer than the multiprocessors. The choice must
// not depend on the device, as the order of sums depends on it.
HOST_DEVICE inline int edge_rows(int64_t groups, int64_t rows, int64_t edges) {
  constexpr int64_t kSmall = 4096;
  if (groups * rows <= kSmall) return 4;
  int count = 16;
  while (count > 4 && edges * count > rows * 512) count /= 2;
  return count;
}

// Edges of such a block, at most, and times the mean of all. Those that have more of both, with the
// hubs of general graphs, are left to the kernels of hubs.cu, which share out their edges. A
// variable so that tests need no large graph.
struct MostEdges {
  int edges = 1024, means = 4;
};
inline MostEdges most_block_edges;

HOST_DEVICE inline int64_t edge_blocks(int64_t rows, int rows_per_block) {
  return (rows + rows_per_block - 1) / rows_per_block;
}

// Edges that a warp adds up for the rows of hubs.
constexpr int kHubEdges = 256;
inline int64_t hub_chunks(int64_t edges) { return (edges + kHubEdges - 1) / kHubEdges; }

// u and v have `attn_pitch` >= attn_feats elements a row, zeros in between, and whole vectors.
template <typename scalar_t>
struct RelationalForward : AttentionOptions {
  using acc = acc_t<scalar_t>;
  GraphPlan graph;
  int64_t modalities, groups, heads;  // group g of modalities * heads reads features g / heads
  int64_t in_feats, attn_feats, attn_pitch, out_feats;
  acc keep;             // probability that dropout keeps an edge
  const int64_t* seed;  // on the device, so that a replayed CUDA graph draws anew; null: no dropout

  const scalar_t *dst_feat, *src_feat;      // (modalities, N, in_feats)
  const scalar_t *weight_dst, *weight_src;  // (groups, in_feats, attn_feats)
  const scalar_t* score;                    // (groups, attn_feats)
  const scalar_t* bias;                     // (groups, num_rels, attn_feats), or null
  const scalar_t* edge_weight;              // (num_edges), or null
  const scalar_t* rel_weight;               // (groups, num_rels, in_feats, out_feats)

  scalar_t *out, *alpha;  // (groups, num_dst, out_feats), (groups, num_edges)
  scalar_t *u, *v;        // (groups, N, attn_pitch)
  scalar_t* gelu_grad;    // like `out`: GELU's derivative where it is kept for backward, or null

  // Relations' products are those of targets, of which a tile has 32 or more and multiplies all
  // with the weight of every relation that one of them has; or of segments sorted by relation,
  // which are then summed for every target. Those of targets write and read less, but not where
  // most of a tile is of no use: where a target has few of the relations, and there are less than a
  // tile's targets for each relation, so that their order (dst_order) cannot help. By these numbers
  // DialogueGCN's 162 relations are multiplied by segments in batches of 32 dialogues, and 18 are
  // not.
  bool multiplies_segments() const {
    return 8 * graph.num_segments < graph.num_dst * graph.num_rels &&
           graph.num_dst < 32 * graph.num_rels;
  }

  // Scratch: scores and then what each edge multiplies its source by, (groups, num_edges); and its
  // sums over segments, (groups, num_segments, in_feats).
  acc* factor;
  scalar_t* sums;
  scalar_t* products;  // of segments, where they are multiplied: (groups, num_segments, out_feats)
  acc* hub_sums;       // of a hub's row, as far as a chunk has its edges: (groups, chunks, 2,
                       // hub_pitch())

  // Targets and sources of a block of an edge kernel, and blocks of targets in a group.
  HOST_DEVICE int target_rows() const { return edge_rows(groups, graph.num_dst, graph.num_edges); }
  int source_rows() const { return edge_rows(groups, graph.num_src, graph.num_edges); }
  HOST_DEVICE int64_t target_blocks() const { return edge_blocks(graph.num_dst, target_rows()); }

  // Nobody looks for hubs where graphs are small on average, as dialogues are.
  bool may_have_hubs() const {
    const int64_t parts = std::max<int64_t>(1, graph.num_components);
    return graph.num_edges > 4 * parts * most_block_edges.edges;
  }
  int most_target_edges() const { return most_edges(graph.num_dst, target_rows()); }
  int most_source_edges() const { return most_edges(graph.num_src, source_rows()); }
  int64_t hub_pitch() const { return (std::max(in_feats, attn_pitch) + 15) / 16 * 16; }

  // Calls take(pointer, count) for every array of scratch.
  template <typename Take>
  void allocate_scratch(const Take& take) {
    take(factor, groups * graph.num_edges);
    take(sums, groups * graph.num_segments * in_feats);
    take(products, multiplies_segments() ? groups * graph.num_segments * out_feats : 0);
    take(hub_sums, may_have_hubs() ? groups * 2 * hub_chunks(graph.num_edges) * hub_pitch() : 0);
  }

 private:
  int most_edges(int64_t rows, int of_block) const {
    if (!may_have_hubs()) return INT32_MAX;
    const double mean = double(graph.num_edges) / double(edge_blocks(rows, of_block));
    const double most = std::max<double>(most_block_edges.edges, most_block_edges.means * mean);
    return int(std::min<double>(most, INT32_MAX));
  }
};

template <typename scalar_t>
struct RelationalBackward {
  using acc = acc_t<scalar_t>;
  RelationalForward<scalar_t> forward;    // alpha, u, v and gelu_grad are read
  bool shared;                            // targets are the sources: their gradient is in src_feat
  const scalar_t *grad_out, *grad_alpha;  // grad_alpha may be null
  scalar_t *dst_feat, *src_feat, *weight_dst, *weight_src, *score, *rel_weight, *bias, *edge_weight;

  scalar_t* grad_pre;                // by GELU's input, where there is one: like `out`
  scalar_t* grad_sums;               // (groups, num_segments, in_feats)
  scalar_t *grad_u, *grad_v;         // (groups, N, attn_pitch)
  acc *grad_score, *by_edge_weight;  // (groups, num_edges)
  acc* grad_biased;                  // by u_i + b_r: (groups, num_segments, attn_pitch)
  acc* grad_rows;                    // by the sources as they were summed: (groups, N, in_feats)
  acc* score_rows;                   // (groups, target_blocks(), attn_pitch)
  acc* partial[5];                   // of weight_dst, weight_src, rel_weight, bias, score

  // Partial sums of products hold a tile's depth at least; those of columns are short, as a thread
  // walks over all of one.
  Chunks of_targets() const { return Chunks(plain(forward.graph.num_dst), 256, 32); }
  Chunks of_sources() const { return Chunks(plain(forward.graph.num_src), 256, 32); }
  Chunks of_segments() const { return Chunks(segments_by_relation(forward.graph), 256, 32); }
  Chunks of_bias() const { return Chunks(segments_by_relation(forward.graph), 64, 64); }
  Chunks of_score() const { return Chunks(plain(forward.target_blocks()), 64, 64); }
  static RowOrder plain(int64_t rows) { return {rows, nullptr, nullptr, nullptr, 1}; }

  template <typename Take>
  void allocate_scratch(const Take& take) {
    forward.allocate_scratch(take);
    const GraphPlan& graph = forward.graph;
    const int64_t groups = forward.groups, in = forward.in_feats, attn = forward.attn_feats;
    const bool biased = forward.bias != nullptr, weighted = forward.edge_weight != nullptr;
    take(grad_pre, forward.gelu ? groups * graph.num_dst * forward.out_feats : 0);
    take(grad_sums, groups * graph.num_segments * in);
    take(grad_u, groups * graph.num_dst * forward.attn_pitch);
    take(grad_v, groups * graph.num_src * forward.attn_pitch);
    take(grad_score, groups * graph.num_edges);
    take(by_edge_weight, weighted ? groups * graph.num_edges : 0);
    take(grad_biased, biased ? groups * graph.num_segments * forward.attn_pitch : 0);
    take(grad_rows, groups * graph.num_src * in);
    take(score_rows, groups * forward.target_blocks() * forward.attn_pitch);
    take(partial[0], groups * of_targets().slots * in * attn);
    take(partial[1], groups * of_sources().slots * in * attn);
    take(partial[2], groups * of_segments().slots * in * forward.out_feats);
    take(partial[3], biased ? groups * of_bias().slots * attn : 0);
    take(partial[4], groups * of_score().slots * attn);
  }
};

// 3 kernels: projections; scores, softmax and sums over segments; products with the relations'
// weights. A fourth sums those of segments; four more do the edges of hubs.
template <typename scalar_t>
cudaError_t launch_relational_forward(const RelationalForward<scalar_t>& op, cudaStream_t stream);

// 6 kernels, after one for GELU: by the sums; by targets; by sources; by features; partial sums of
// weights; their sums. Twelve more where there may be hubs, and two for biases of such.
template <typename scalar_t>
cudaError_t launch_relational_backward(const RelationalBackward<scalar_t>& op, cudaStream_t stream);

// Sums of segments' products; nothing where targets are multiplied.
template <typename scalar_t>
cudaError_t launch_target_sums(const RelationalForward<scalar_t>& op, cudaStream_t stream);

// The gradient by GELU's input; nothing without GELU.
template <typename scalar_t>
cudaError_t launch_gelu_backward(const RelationalBackward<scalar_t>& op, cudaStream_t stream);

// What the edge kernels have left out, after each of them; nothing where nobody looks for hubs.
template <typename scalar_t>
cudaError_t launch_hub_attention(const RelationalForward<scalar_t>& op, cudaStream_t stream);
template <typename scalar_t>
cudaError_t launch_hub_target_grads(const RelationalBackward<scalar_t>& op, cudaStream_t stream);
template <typename scalar_t>
cudaError_t launch_hub_source_grads(const RelationalBackward<scalar_t>& op, cudaStream_t stream);

// The edge kernels, each for one activation.
template <typename scalar_t>
cudaError_t launch_attention_edges(const RelationalForward<scalar_t>& op, cudaStream_t stream);
template <typename scalar_t>
cudaError_t launch_target_grads(const RelationalBackward<scalar_t>& op, cudaStream_t stream);
template <typename scalar_t>
cudaError_t launch_source_grads(const RelationalBackward<scalar_t>& op, cudaStream_t stream);

}  // namespace ariigcn
