// Binds the edge attention: tensors to the arguments of the relational attention's kernels.
#include "kernels.h"

#include <torch/csrc/stable/library.h>

#include <tuple>

#include "../edge_attention_checks.h"
#include "graph_checks.h"
#include "kernel_type.h"

namespace {
using namespace ariigcn;
using torch::headeronly::ScalarType;
using torch::stable::Tensor;

// The graph with one relation, in which every target is a segment.
struct Structure {
  const Tensor &indptr, &indices, &dst, &t_indptr, &t_eids;
  std::vector<int64_t> targets = {}, relations = {};

  AttentionGraph graph() {
    targets.resize(indptr.numel() - 1);
    relations.assign(targets.size(), 0);
    std::iota(targets.begin(), targets.end(), 0);
    const auto at = [](const Tensor& t) { return t.const_data_ptr<int64_t>(); };
    AttentionGraph graph{};
    graph.num_dst = graph.num_segments = indptr.numel() - 1;
    graph.num_src = t_indptr.numel() - 1;
    graph.num_edges = indices.numel();
    graph.num_rels = 1;
    graph.indptr = graph.seg_ptr = at(indptr);
    graph.indices = at(indices);
    graph.seg_dst = targets.data();
    graph.seg_rel = relations.data();
    graph.edge_seg = at(dst);
    graph.t_indptr = at(t_indptr);
    graph.t_eids = at(t_eids);
    return graph;
  }
};

Checks check_inputs(const char* op, const Tensor& u, const Tensor& v, const Tensor& w,
                    const Structure& in) {
  const Checks check = check_edge_attention(op, u, v, w, in);
  check.int64("indices", in.indices, {in.indices.numel()});
  check_edges(check, in.indptr, in.indices, v.size(1));
  check_transpose(check, in.indices, in.t_indptr, in.t_eids);
  const int64_t *row = index_of(in.indptr), *target = index_of(in.dst);
  bool fits = true;
  for (int64_t i = 0; i < u.size(1); ++i)
    for (int64_t e = row[i]; e < row[i + 1]; ++e) fits &= target[e] == i;
  check.require(fits, "dst are not the targets of the edges");
  return check;
}

// u, v and alpha are read only in backward; one struct serves both passes.
template <typename T>
RelationalAttention<T> arguments(Structure& structure, const Tensor& u, const Tensor& v,
                                 const Tensor& w, const Tensor& alpha, double slope) {
  RelationalAttention<T> op{};
  op.graph = structure.graph();
  op.groups = w.size(0);
  op.heads = 1;
  op.attn_feats = op.attn_pitch = w.size(1);
  op.slope = T(slope);
  op.keep = T(1);
  op.score = w.const_data_ptr<T>();
  op.u = const_cast<T*>(u.const_data_ptr<T>());
  op.v = const_cast<T*>(v.const_data_ptr<T>());
  op.alpha = const_cast<T*>(alpha.const_data_ptr<T>());
  return op;
}

Tensor edge_attention(const Tensor& u, const Tensor& v, const Tensor& w, double negative_slope,
                      const Tensor& indptr, const Tensor& indices, const Tensor& dst,
                      const Tensor& t_indptr, const Tensor& t_eids) {
  Structure structure{indptr, indices, dst, t_indptr, t_eids};
  check_inputs("edge_attention", u, v, w, structure);
  return in_kernel_type(u, [&]<typename T>(T, ScalarType type) {
    const Tensor own_u = as_type(u, type), own_v = as_type(v, type), own_w = as_type(w, type);
    Tensor alpha = torch::stable::new_empty(own_u, {w.size(0), indices.numel()});
    const auto op = arguments<T>(structure, own_u, own_v, own_w, alpha, negative_slope);
    CALL_BEST_ISA(edge_attention, op);
    return as_type(alpha, u.scalar_type());
  });
}

std::tuple<Tensor, Tensor, Tensor> edge_attention_backward(
    const Tensor& grad, const Tensor& alpha, const Tensor& u, const Tensor& v, const Tensor& w,
    double negative_slope, const Tensor& indptr, const Tensor& indices, const Tensor& dst,
    const Tensor& t_indptr, const Tensor& t_eids) {
  Structure structure{indptr, indices, dst, t_indptr, t_eids};
  const Checks check = check_inputs("edge_attention_backward", u, v, w, structure);
  check_edge_gradients(check, grad, alpha, u.size(0), indices.numel());
  return in_kernel_type(u, [&]<typename T>(T, ScalarType type) {
    const Tensor own_u = as_type(u, type), own_v = as_type(v, type), own_w = as_type(w, type);
    const Tensor own_alpha = as_type(alpha, type), own_grad = as_type(grad, type);
    Tensor grad_u = torch::stable::empty_like(own_u), grad_v = torch::stable::empty_like(own_v);
    Tensor grad_w = torch::stable::empty_like(own_w);
    RelationalAttentionGrad<T> in{};
    in.forward = arguments<T>(structure, own_u, own_v, own_w, own_alpha, negative_slope);
    in.grad_alpha = own_grad.template const_data_ptr<T>();
    in.score = grad_w.mutable_data_ptr<T>();
    CALL_BEST_ISA(edge_attention_backward, in, grad_u.mutable_data_ptr<T>(),
                  grad_v.mutable_data_ptr<T>());
    const ScalarType result = u.scalar_type();
    return std::tuple{as_type(grad_u, result), as_type(grad_v, result), as_type(grad_w, result)};
  });
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ariigcn, CPU, m) {
  m.impl("edge_attention", TORCH_BOX(&edge_attention));
  m.impl("edge_attention_backward", TORCH_BOX(&edge_attention_backward));
}
