// The relational sum on the CPU: the second half of the relational attention, with weights given.
#include "kernels.h"

#include <torch/csrc/stable/library.h>

#include "../graph_checks.h"
#include "kernel_type.h"

namespace {
using namespace ariigcn;
using torch::headeronly::ScalarType;
using torch::stable::Tensor;

// What both calls are given, checked.
struct Inputs {
  const Tensor &edge_weight, &feat, &rel_weight;
  GraphPlan graph;

  Inputs(const char* op, const Tensor& edge_weight, const Tensor& feat, const Tensor& rel_weight,
         const Tensor& plan, const std::vector<int64_t>& sizes)
      : edge_weight(edge_weight), feat(feat), rel_weight(rel_weight) {
    Checks::dim(op, "feat", feat, 3);
    Checks::dim(op, "rel_weight", rel_weight, 4);
    const Checks check(op, feat);
    check.floating();
    graph = graph_plan(check, plan, sizes);
    check.require(feat.size(2) > 0 && out_feats() > 0, "features must be at least 1 wide");
    check.values("feat", feat, {modalities(), graph.num_src, feat.size(2)});
    check.require(modalities() == 0 ? groups() == 0 : groups() > 0 && groups() % modalities() == 0,
                  "each modality of feat must have as many groups of rel_weight, at least 1");
    check.values("edge_weight", edge_weight, {groups(), graph.num_edges});
    check.values("rel_weight", rel_weight, {groups(), graph.num_rels, feat.size(2), out_feats()});
    check_edges(check, graph);
    check_segments(check, graph);
    check_transpose(check, graph);
    check_components(check, graph);
  }
  int64_t modalities() const { return feat.size(0); }
  int64_t groups() const { return rel_weight.size(0); }
  int64_t out_feats() const { return rel_weight.size(3); }
};

// The tensors in the type that they are computed in.
template <typename T>
struct Arguments {
  Tensor edge_weight, feat, rel_weight;
  RelationalAttention<T> op{};

  Arguments(const Inputs& in, ScalarType type)
      : edge_weight(as_type(in.edge_weight, type)),
        feat(as_type(in.feat, type)),
        rel_weight(as_type(in.rel_weight, type)) {
    op.graph = in.graph;
    op.groups = in.groups();
    op.heads = in.groups() / std::max<int64_t>(1, in.modalities());
    op.in_feats = in.feat.size(2);
    op.out_feats = in.out_feats();
    op.keep = 1;
    op.src_feat = op.dst_feat = feat.const_data_ptr<T>();
    op.rel_weight = rel_weight.const_data_ptr<T>();
    op.alpha = const_cast<T*>(edge_weight.const_data_ptr<T>());  // which is read only
  }
};

Tensor relational_sum(const Tensor& edge_weight, const Tensor& feat, const Tensor& rel_weight,
                      const Tensor& plan, std::vector<int64_t> sizes) {
  const Inputs in("relational_sum", edge_weight, feat, rel_weight, plan, sizes);
  Tensor out = torch::stable::new_empty(feat, {in.groups(), in.graph.num_dst, in.out_feats()});
  in_kernel_type(feat, [&]<typename T>(T, ScalarType type) {
    Arguments<T> arguments(in, type);
    Tensor sums = like_type(out, type);
    arguments.op.out = sums.mutable_data_ptr<T>();
    CALL_BEST_ISA(relational_sum, arguments.op);
    if (type != out.scalar_type()) torch::stable::copy_(out, sums);
  });
  return out;
}

auto relational_sum_backward(const Tensor& grad, const Tensor& edge_weight, const Tensor& feat,
                             const Tensor& rel_weight, const Tensor& plan,
                             std::vector<int64_t> sizes) {
  const Inputs in("relational_sum_backward", edge_weight, feat, rel_weight, plan, sizes);
  Checks("relational_sum_backward", feat)
      .values("grad", grad, {in.groups(), in.graph.num_dst, in.out_feats()});
  Tensor to[] = {torch::stable::empty_like(edge_weight), torch::stable::empty_like(feat),
                 torch::stable::empty_like(rel_weight)};
  in_kernel_type(feat, [&]<typename T>(T, ScalarType type) {
    const Arguments<T> arguments(in, type);
    const Tensor by_out = as_type(grad, type);
    Tensor made[] = {like_type(to[0], type), like_type(to[1], type), like_type(to[2], type)};
    if (in.graph.num_components == 0)  // then no block is there to write the zeros
      for (Tensor& t : made) torch::stable::zero_(t);
    RelationalAttentionGrad<T> op{};
    op.forward = arguments.op;
    op.grad_out = by_out.const_data_ptr<T>();
    op.edge_weight = made[0].mutable_data_ptr<T>();
    op.src_feat = made[1].mutable_data_ptr<T>();
    op.rel_weight = made[2].mutable_data_ptr<T>();
    CALL_BEST_ISA(relational_sum_backward, op);
    for (int k = 0; k < 3 && type != feat.scalar_type(); ++k) torch::stable::copy_(to[k], made[k]);
  });
  return std::make_tuple(to[0], to[1], to[2]);
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ariigcn, CPU, m) {
  m.impl("relational_sum", TORCH_BOX(&relational_sum));
  m.impl("relational_sum_backward", TORCH_BOX(&relational_sum_backward));
}
