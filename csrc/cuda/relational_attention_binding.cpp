// CUDA implementations of relational_attention and relational_attention_backward.
#include "relational_attention.h"

#include <torch/csrc/stable/accelerator.h>
#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>

#include <optional>
#include <tuple>
#include <vector>

#include "../dispatch.h"
#include "../relational_attention_checks.h"
#include "binding.h"
#include "stream.h"

namespace {
using namespace ariigcn;
using torch::headeronly::ScalarType;
using torch::stable::Tensor;
using Optional = std::optional<Tensor>;

// Elements of a row of u and v: whole vectors of every type, and the same as on the CPU.
constexpr int64_t kPad = 16;

struct Inputs {
  const Optional& dst_feat;
  const Tensor &src_feat, &weight_dst, &weight_src, &score, &rel_weight;
  const Optional &bias, &edge_weight, &seed;
  int64_t activation;
  double slope, dropout;
  bool normalise, gelu, tf32;
  const Tensor &indptr, &indices, &seg_ptr, &seg_dst, &seg_rel, &edge_seg, &t_indptr, &t_eids;
  const Optional &rel_ptr, &seg_order, &dst_order;

  int64_t groups() const { return weight_dst.size(0); }
  int64_t num_dst() const { return indptr.numel() - 1; }
  int64_t num_src() const { return t_indptr.numel() - 1; }
  int64_t pitch() const { return (score.size(1) + kPad - 1) / kPad * kPad; }

  template <typename scalar_t, typename index_t>
  RelationalForward<cuda_t<scalar_t>, index_t> arguments() const {
    using acc = acc_t<cuda_t<scalar_t>>;
    const auto optional = [](const Optional& t) { return t ? input<scalar_t>(*t) : nullptr; };
    RelationalForward<cuda_t<scalar_t>, index_t> op{};
    op.graph = structure<index_t>();
    op.modalities = src_feat.size(0);
    op.groups = groups();
    op.heads = op.groups / op.modalities;
    op.in_feats = src_feat.size(2);
    op.attn_feats = score.size(1);
    op.attn_pitch = pitch();
    op.out_feats = rel_weight.size(3);
    op.activation = Activation(activation);
    op.slope = acc(slope);
    op.keep = acc(1 - dropout);
    op.seed = seed ? seed->const_data_ptr<int64_t>() : nullptr;
    op.normalise = normalise;
    op.gelu = gelu;
    op.tf32 = tf32;
    op.dst_feat = input<scalar_t>(dst_feat ? *dst_feat : src_feat);
    op.src_feat = input<scalar_t>(src_feat);
    op.weight_dst = input<scalar_t>(weight_dst);
    op.weight_src = input<scalar_t>(weight_src);
    op.score = input<scalar_t>(score);
    op.bias = optional(bias);
    op.edge_weight = optional(edge_weight);
    op.rel_weight = input<scalar_t>(rel_weight);
    return op;
  }

 private:
  template <typename index_t>
  RelationalGraph<index_t> structure() const {
    const auto at = [](const Tensor& t) { return t.const_data_ptr<index_t>(); };
    return {num_dst(),          num_src(),    indices.numel(), seg_dst.numel(),
            rel_weight.size(1), at(indptr),   at(indices),     at(seg_ptr),
            at(seg_dst),        at(seg_rel),  at(edge_seg),    at(t_indptr),
            at(t_eids),         at(*rel_ptr), at(*seg_order),  at(*dst_order)};
  }
};

Checks check_inputs(const char* op, const Inputs& in) {
  const Checks check = check_relational_attention(op, in);
  check.floating();
  check.require(in.rel_ptr && in.seg_order && in.dst_order,
                "on CUDA the segments' order by relation is needed");
  const auto type = in.indices.scalar_type();
  check.indices("rel_ptr", *in.rel_ptr, in.rel_weight.size(1) + 1, type);
  check.indices("seg_order", *in.seg_order, in.seg_dst.numel(), type);
  check.indices("dst_order", *in.dst_order, in.num_dst(), type);
  return check;
}

// Arrays for the time of a call; the caching allocator gives them to later calls on the stream.
class Scratch {
 public:
  explicit Scratch(const Tensor& like) : like_(like) {}

  template <typename value_t>
  void take(value_t*& pointer, int64_t count) {
    const int64_t bytes = count * int64_t(sizeof(value_t));
    tensors_.push_back(torch::stable::new_empty(like_, {bytes}, ScalarType::Byte));
    pointer = static_cast<value_t*>(tensors_.back().mutable_data_ptr());
  }

 private:
  const Tensor& like_;
  std::vector<Tensor> tensors_;
};

template <typename scalar_t, typename index_t>
void forward(const Inputs& in, Tensor& out, Tensor& alpha, Tensor& u, Tensor& v, Tensor& gelu_grad,
             bool keep) {
  auto op = in.arguments<scalar_t, index_t>();
  Scratch scratch(in.src_feat);
  const auto take = [&](auto*& pointer, int64_t count) { scratch.take(pointer, count); };
  op.allocate_scratch(take);
  op.out = output<scalar_t>(out);
  op.alpha = output<scalar_t>(alpha);
  op.gelu_grad = keep && in.gelu ? output<scalar_t>(gelu_grad) : nullptr;
  if (keep) {
    op.u = output<scalar_t>(u);
    op.v = output<scalar_t>(v);
  } else {
    take(op.u, in.groups() * in.num_dst() * in.pitch());
    take(op.v, in.groups() * in.num_src() * in.pitch());
  }
  check_launch(launch_relational_forward(op, current_stream(out.get_device_index())),
               "relational_attention");
}

std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor> relational_attention(
    const Optional& dst_feat, const Tensor& src_feat, const Tensor& weight_dst,
    const Tensor& weight_src, const Tensor& score, const Tensor& rel_weight, const Optional& bias,
    const Optional& edge_weight, const Optional& seed, int64_t activation, double slope,
    double dropout, bool normalise, bool gelu, bool tf32, bool keep, const Tensor& indptr,
    const Tensor& indices, const Tensor& seg_ptr, const Tensor& seg_dst, const Tensor& seg_rel,
    const Tensor& edge_seg, const Tensor& t_indptr, const Tensor& t_eids, const Tensor&,
    const Optional& rel_ptr, const Optional& seg_order, const Optional& dst_order) {
  const torch::stable::accelerator::DeviceGuard guard(src_feat.get_device_index());
  const Inputs in{dst_feat,    src_feat, weight_dst, weight_src, score,    rel_weight, bias,
                  edge_weight, seed,     activation, slope,      dropout,  normalise,  gelu,
                  tf32,        indptr,   indices,    seg_ptr,    seg_dst,  seg_rel,    edge_seg,
                  t_indptr,    t_eids,   rel_ptr,    seg_order,  dst_order};
  check_inputs("relational_attention", in);
  const int64_t kept = keep ? in.groups() : 0, width = rel_weight.size(3);
  const auto make = [&](std::initializer_list<int64_t> shape) {
    return torch::stable::new_empty(src_feat, shape);
  };
  Tensor out = make({in.groups(), in.num_dst(), width});
  Tensor alpha = make({in.groups(), indices.numel()});
  Tensor u = make({kept, in.num_dst(), in.pitch()}), v = make({kept, in.num_src(), in.pitch()});
  Tensor gelu_grad = make({gelu ? kept : 0, in.num_dst(), width});
  DISPATCH_FLOATING(src_feat, "relational_attention", for_index_type(indices, [&](auto index) {
                      forward<scalar_t, decltype(index)>(in, out, alpha, u, v, gelu_grad, keep);
                    }));
  return {out, alpha, u, v, gelu_grad};
}

struct Gradients {
  Tensor dst_feat, src_feat, weight_dst, weight_src, score, rel_weight, bias, edge_weight;
};

template <typename scalar_t, typename index_t>
void backward(const Inputs& in, const Tensor& grad_out, const Optional& grad_alpha,
              const Tensor& alpha, const Tensor& u, const Tensor& v, const Tensor& gelu_grad,
              Gradients& to) {
  using kernel_t = cuda_t<scalar_t>;
  RelationalBackward<kernel_t, index_t> op{};
  op.forward = in.arguments<scalar_t, index_t>();
  Scratch scratch(in.src_feat);
  op.allocate_scratch([&](auto*& pointer, int64_t count) { scratch.take(pointer, count); });
  // backward reads what forward wrote; one struct serves both
  const auto written = [](const Tensor& t) { return const_cast<kernel_t*>(input<scalar_t>(t)); };
  op.forward.alpha = written(alpha);
  op.forward.u = written(u);
  op.forward.v = written(v);
  op.forward.gelu_grad = in.gelu ? written(gelu_grad) : nullptr;
  op.shared = !in.dst_feat;
  op.grad_out = input<scalar_t>(grad_out);
  op.grad_alpha = grad_alpha ? input<scalar_t>(*grad_alpha) : nullptr;
  op.dst_feat = output<scalar_t>(to.dst_feat);
  op.src_feat = output<scalar_t>(to.src_feat);
  op.weight_dst = output<scalar_t>(to.weight_dst);
  op.weight_src = output<scalar_t>(to.weight_src);
  op.score = output<scalar_t>(to.score);
  op.rel_weight = output<scalar_t>(to.rel_weight);
  op.bias = output<scalar_t>(to.bias);
  op.edge_weight = output<scalar_t>(to.edge_weight);
  check_launch(launch_relational_backward(op, current_stream(alpha.get_device_index())),
               "relational_attention_backward");
}

std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor>
relational_attention_backward(
    const Tensor& grad_out, const Optional& grad_alpha, const Tensor& alpha, const Tensor& u,
    const Tensor& v, const Tensor& gelu_grad, const Optional& dst_feat, const Tensor& src_feat,
    const Tensor& weight_dst, const Tensor& weight_src, const Tensor& score,
    const Tensor& rel_weight, const Optional& bias, const Optional& edge_weight,
    const Optional& seed, int64_t activation, double slope, double dropout, bool normalise,
    bool gelu, bool tf32, const Tensor& indptr, const Tensor& indices, const Tensor& seg_ptr,
    const Tensor& seg_dst, const Tensor& seg_rel, const Tensor& edge_seg, const Tensor& t_indptr,
    const Tensor& t_eids, const Tensor&, const Optional& rel_ptr, const Optional& seg_order,
    const Optional& dst_order) {
  const torch::stable::accelerator::DeviceGuard guard(src_feat.get_device_index());
  const Inputs in{dst_feat,    src_feat, weight_dst, weight_src, score,    rel_weight, bias,
                  edge_weight, seed,     activation, slope,      dropout,  normalise,  gelu,
                  tf32,        indptr,   indices,    seg_ptr,    seg_dst,  seg_rel,    edge_seg,
                  t_indptr,    t_eids,   rel_ptr,    seg_order,  dst_order};
  const Checks check = check_inputs("relational_attention_backward", in);
  check_relational_gradients(check, in, grad_out, grad_alpha, alpha, u, v, gelu_grad);
  const auto like = [&](const Tensor& t) { return torch::stable::empty_like(t); };
  const Tensor none = torch::stable::new_empty(src_feat, {0});
  Gradients to{dst_feat ? like(*dst_feat) : none,
               like(src_feat),
               like(weight_dst),
               like(weight_src),
               like(score),
               like(rel_weight),
               bias ? like(*bias) : none,
               edge_weight ? like(*edge_weight) : none};
  DISPATCH_FLOATING(
      src_feat, "relational_attention_backward", for_index_type(indices, [&](auto index) {
        backward<scalar_t, decltype(index)>(in, grad_out, grad_alpha, alpha, u, v, gelu_grad, to);
      }));
  return {to.dst_feat, to.src_feat,   to.weight_dst, to.weight_src,
          to.score,    to.rel_weight, to.bias,       to.edge_weight};
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ariigcn, CUDA, m) {
  m.impl("relational_attention", TORCH_BOX(&relational_attention));
  m.impl("relational_attention_backward", TORCH_BOX(&relational_attention_backward));
}
