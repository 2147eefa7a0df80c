// The order of the kernels of the relational attention, and the matrix products among them.
#include "launchers.h"

#include <algorithm>
#include <initializer_list>

#include "../instantiate.h"
#include "../vector.h"

namespace ariigcn {
namespace {

// Rows of features times a projection, for every group.
template <typename scalar_t>
RowProduct<scalar_t> projection(const RelationalForward<scalar_t>& op, const scalar_t* feat,
                                int64_t rows, const scalar_t* weight, scalar_t* out) {
  RowProduct<scalar_t> product{RowTerms::kPlain, op.groups,     rows,
                               op.in_feats,      op.attn_pitch, op.attn_feats};
  product.a_heads = op.heads;
  product.a[0] = feat;
  product.b[0] = weight;
  product.a_rows = rows;
  product.a_pitch = op.in_feats;
  product.b_pitch = op.attn_feats;
  product.b_size = op.in_feats * op.attn_feats;
  product.a_aligned = is_aligned(feat, op.in_feats);
  product.b_aligned = is_aligned(weight, op.attn_feats);
  product.out = out;
  return product;
}

// Sums of segments times their relations' weights, for every target or segment.
template <typename scalar_t>
RowProduct<scalar_t> relation_product(const RelationalForward<scalar_t>& op) {
  const bool by_segment = op.multiplies_segments();
  RowProduct<scalar_t> product{by_segment ? RowTerms::kSegments : RowTerms::kTargets,
                               op.groups,
                               by_segment ? op.graph.num_segments : op.graph.num_dst,
                               op.in_feats,
                               op.out_feats,
                               op.out_feats};
  product.relations = relation_rows(op.graph);
  product.a[0] = op.sums;
  product.b[0] = op.rel_weight;
  product.a_rows = op.graph.num_segments;
  product.a_pitch = op.in_feats;
  product.b_pitch = op.out_feats;
  product.b_size = op.in_feats * op.out_feats;
  product.a_aligned = is_aligned(op.sums, op.in_feats);
  product.b_aligned = is_aligned(op.rel_weight, op.out_feats);
  product.gelu = op.gelu && !by_segment;
  product.gelu_grad = by_segment ? nullptr : op.gelu_grad;
  product.out = by_segment ? op.products : op.out;
  return product;
}

// The gradient of a target's result before GELU.
template <typename scalar_t>
const scalar_t* grad_of_sum(const RelationalBackward<scalar_t>& op) {
  return op.forward.gelu_grad == nullptr ? op.grad_out : op.grad_pre;
}

// Gradients of targets times the transposed weights of their segments' relations.
template <typename scalar_t>
RowProduct<scalar_t> sums_grad(const RelationalBackward<scalar_t>& op) {
  const RelationalForward<scalar_t>& forward = op.forward;
  RowProduct<scalar_t> product{RowTerms::kSegmentTargets,  forward.groups,
                               forward.graph.num_segments, forward.out_feats,
                               forward.in_feats,           forward.in_feats};
  product.relations = relation_rows(forward.graph);
  product.a[0] = grad_of_sum(op);
  product.b[0] = forward.rel_weight;
  product.a_rows = forward.graph.num_dst;
  product.a_pitch = product.b_pitch = forward.out_feats;
  product.b_size = forward.in_feats * forward.out_feats;
  product.a_aligned = is_aligned(grad_of_sum(op), forward.out_feats);
  product.b_aligned = is_aligned(forward.rel_weight, forward.out_feats);
  product.out = op.grad_sums;
  return product;
}

// Gradients of features through one projection, added up over heads.
template <typename scalar_t>
RowProduct<scalar_t> feature_grad(const RelationalForward<scalar_t>& op, const scalar_t* grad,
                                  int64_t rows, const scalar_t* weight, scalar_t* out) {
  RowProduct<scalar_t> product{RowTerms::kPlain, op.modalities, rows,
                               op.attn_feats,    op.in_feats,   op.in_feats};
  product.heads = op.heads;
  product.a[0] = grad;
  product.b[0] = weight;
  product.a_rows = rows;
  product.a_pitch = op.attn_pitch;
  product.b_pitch = op.attn_feats;
  product.b_size = op.in_feats * op.attn_feats;
  product.a_aligned = is_aligned(grad, op.attn_pitch) && op.attn_feats % kVector<scalar_t> == 0;
  product.b_aligned = is_aligned(weight, op.attn_feats);
  product.out = out;
  return product;
}

// Those of sources also have what came through the sums; shared rows also what came through u.
template <typename scalar_t>
RowProducts<scalar_t> feature_grads(const RelationalBackward<scalar_t>& op) {
  const RelationalForward<scalar_t>& forward = op.forward;
  const GraphPlan& graph = forward.graph;
  RowProducts<scalar_t> products{};
  products.fp32_precision = forward.fp32_precision;
  products.parts = op.shared ? 1 : 2;
  RowProduct<scalar_t>& source = products.part[0];
  source =
      feature_grad<scalar_t>(forward, op.grad_v, graph.num_src, forward.weight_src, op.src_feat);
  source.offset = op.grad_rows;
  if (op.shared) {
    source.pairs = 2;
    source.a[1] = op.grad_u;
    source.b[1] = forward.weight_dst;
    source.b_aligned = source.b_aligned && is_aligned(forward.weight_dst, forward.attn_feats);
  } else {
    products.part[1] =
        feature_grad<scalar_t>(forward, op.grad_u, graph.num_dst, forward.weight_dst, op.dst_feat);
  }
  return products;
}

template <typename scalar_t>
OuterProduct<scalar_t> projection_grad(const RelationalForward<scalar_t>& op, const scalar_t* feat,
                                       const scalar_t* grad, int64_t rows, const Chunks& chunks,
                                       acc_t<scalar_t>* partial) {
  OuterProduct<scalar_t> product{RelationalBackward<scalar_t>::plain(rows), chunks, op.groups,
                                 op.in_feats, op.attn_feats};
  product.a_heads = op.heads;
  product.a = feat;
  product.b = grad;
  product.a_rows = product.b_rows = rows;
  product.a_pitch = op.in_feats;
  product.b_pitch = op.attn_pitch;
  product.a_aligned = is_aligned(feat, op.in_feats);
  product.b_aligned = is_aligned(grad, op.attn_pitch);
  product.partial = partial;
  return product;
}

template <typename scalar_t>
OuterProduct<scalar_t> relation_grad(const RelationalBackward<scalar_t>& op) {
  const RelationalForward<scalar_t>& forward = op.forward;
  OuterProduct<scalar_t> product{segments_by_relation(forward.graph), op.of_segments(),
                                 forward.groups, forward.in_feats, forward.out_feats};
  product.a_heads = 1;
  product.a = forward.sums;
  product.b = grad_of_sum(op);
  product.a_rows = forward.graph.num_segments;
  product.b_rows = forward.graph.num_dst;
  product.a_pitch = forward.in_feats;
  product.b_pitch = forward.out_feats;
  product.a_aligned = is_aligned(forward.sums, forward.in_feats);
  product.b_aligned = is_aligned(grad_of_sum(op), forward.out_feats);
  product.partial = op.partial[2];
  return product;
}

template <typename scalar_t>
WeightGrads<scalar_t> weight_grads(const RelationalBackward<scalar_t>& op) {
  const RelationalForward<scalar_t>& forward = op.forward;
  const GraphPlan& graph = forward.graph;
  const int64_t attn = forward.attn_feats, pitch = forward.attn_pitch;
  WeightGrads<scalar_t> grads{};
  grads.fp32_precision = forward.fp32_precision;
  grads.products = 3;
  grads.product[0] = relation_grad(op);  // a graph has more segments than targets with edges
  grads.product[1] = projection_grad<scalar_t>(forward, forward.dst_feat, op.grad_u, graph.num_dst,
                                               op.of_targets(), op.partial[0]);
  grads.product[2] = projection_grad<scalar_t>(forward, forward.src_feat, op.grad_v, graph.num_src,
                                               op.of_sources(), op.partial[1]);
  const RowOrder blocks = RelationalBackward<scalar_t>::plain(forward.target_blocks());
  grads.column[grads.columns++] = {blocks, op.of_score(), forward.groups, attn,
                                   pitch,  op.score_rows, op.partial[4]};
  if (forward.bias != nullptr)
    grads.column[grads.columns++] = {segments_by_relation(graph),
                                     op.of_bias(),
                                     forward.groups,
                                     attn,
                                     pitch,
                                     op.grad_biased,
                                     op.partial[3]};
  return grads;
}

template <typename scalar_t>
PartialSums<scalar_t> partial_sums(const RelationalBackward<scalar_t>& op) {
  const RelationalForward<scalar_t>& forward = op.forward;
  const GraphPlan& graph = forward.graph;
  const int64_t groups = forward.groups, attn = forward.attn_feats, in = forward.in_feats;
  const RowOrder by_relation = segments_by_relation(graph);
  const auto plain = RelationalBackward<scalar_t>::plain;
  PartialSums<scalar_t> sums{};
  const auto add = [&](const PartialSum<scalar_t>& part) { sums.part[sums.parts++] = part; };
  add({plain(graph.num_dst), op.of_targets(), groups, in * attn, op.partial[0], op.weight_dst});
  add({plain(graph.num_src), op.of_sources(), groups, in * attn, op.partial[1], op.weight_src});
  add({by_relation, op.of_segments(), groups, in * forward.out_feats, op.partial[2],
       op.rel_weight});
  add({plain(forward.target_blocks()), op.of_score(), groups, attn, op.partial[4], op.score});
  if (forward.bias != nullptr)
    add({by_relation, op.of_bias(), groups, attn, op.partial[3], op.bias});
  if (forward.edge_weight != nullptr)  // one chunk for each group
    add({plain(groups), Chunks(plain(groups), 1, std::max<int64_t>(1, groups)), 1, graph.num_edges,
         op.by_edge_weight, op.edge_weight});
  return sums;
}

template <typename scalar_t>
cudaError_t launch_product(const RowProduct<scalar_t>& product, Fp32Precision precision,
                           bool b_transposed, cudaStream_t stream) {
  return launch_row_products<scalar_t>({{product}, 1, precision}, b_transposed, stream);
}

cudaError_t first_error(std::initializer_list<cudaError_t> errors) {
  for (const cudaError_t error : errors)
    if (error != cudaSuccess) return error;
  return cudaSuccess;
}

}  // namespace

template <typename scalar_t>
cudaError_t launch_relational_forward(const RelationalForward<scalar_t>& op, cudaStream_t stream) {
  const RowProducts<scalar_t> projections{
      {projection(op, op.dst_feat, op.graph.num_dst, op.weight_dst, op.u),
       projection(op, op.src_feat, op.graph.num_src, op.weight_src, op.v)},
      2,
      op.fp32_precision};
  return first_error({launch_row_products(projections, false, stream),
                      launch_attention_edges(op, stream), launch_hub_attention(op, stream),
                      launch_product(relation_product(op), op.fp32_precision, false, stream),
                      launch_target_sums(op, stream)});
}

template <typename scalar_t>
cudaError_t launch_relational_backward(const RelationalBackward<scalar_t>& op,
                                       cudaStream_t stream) {
  return first_error({launch_gelu_backward(op, stream),
                      launch_product(sums_grad(op), op.forward.fp32_precision, true, stream),
                      launch_target_grads(op, stream), launch_hub_target_grads(op, stream),
                      launch_source_grads(op, stream), launch_hub_source_grads(op, stream),
                      launch_row_products(feature_grads(op), true, stream),
                      launch_weight_grads(weight_grads(op), stream),
                      launch_partial_sums(partial_sums(op), stream)});
}

#define INSTANTIATE(scalar_t)                                                          \
  template cudaError_t launch_relational_forward(const RelationalForward<scalar_t>&,   \
                                                 cudaStream_t);                        \
  template cudaError_t launch_relational_backward(const RelationalBackward<scalar_t>&, \
                                                  cudaStream_t);
FOR_SCALARS(INSTANTIATE)

}  // namespace ariigcn
