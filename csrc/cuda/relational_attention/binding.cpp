// The relational attention on CUDA.
#include <torch/csrc/stable/accelerator.h>
#include <torch/csrc/stable/library.h>

#include <vector>

#include "../../dispatch.h"
#include "../../relational_attention.h"
#include "../binding.h"
#include "../stream.h"
#include "launchers.h"

namespace {
using namespace ariigcn;
using torch::headeronly::ScalarType;
using torch::stable::Tensor;

template <typename scalar_t>
RelationalForward<cuda_t<scalar_t>> arguments(const AttentionInputs& in) {
  const auto optional = [](const std::optional<Tensor>& t) {
    return t ? input<scalar_t>(*t) : nullptr;
  };
  RelationalForward<cuda_t<scalar_t>> op{};
  static_cast<AttentionOptions&>(op) = in.options;
  op.graph = in.graph;
  op.modalities = in.src_feat.size(0);
  op.groups = in.groups();
  op.heads = op.groups / op.modalities;
  op.in_feats = in.src_feat.size(2);
  op.attn_feats = in.score.size(1);
  op.attn_pitch = in.pitch();
  op.out_feats = in.out_feats();
  op.keep = acc_t<cuda_t<scalar_t>>(1 - in.options.dropout);
  op.seed = in.seed ? in.seed->const_data_ptr<int64_t>() : nullptr;
  op.dst_feat = input<scalar_t>(in.dst());
  op.src_feat = input<scalar_t>(in.src_feat);
  op.weight_dst = input<scalar_t>(in.weight_dst);
  op.weight_src = input<scalar_t>(in.weight_src);
  op.score = input<scalar_t>(in.score);
  op.bias = optional(in.bias);
  op.edge_weight = optional(in.edge_weight);
  op.rel_weight = input<scalar_t>(in.rel_weight);
  return op;
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

template <typename scalar_t>
void run_forward(const AttentionInputs& in, AttentionOutputs& to, bool keep) {
  auto op = arguments<scalar_t>(in);
  Scratch scratch(in.src_feat);
  const auto take = [&](auto*& pointer, int64_t count) { scratch.take(pointer, count); };
  op.allocate_scratch(take);
  op.out = output<scalar_t>(to.out);
  op.alpha = output<scalar_t>(to.alpha);
  op.gelu_grad = keep && op.gelu ? output<scalar_t>(to.pre) : nullptr;
  if (keep) {
    op.u = output<scalar_t>(to.u);
    op.v = output<scalar_t>(to.v);
  } else {
    take(op.u, op.groups * op.graph.num_dst * op.attn_pitch);
    take(op.v, op.groups * op.graph.num_src * op.attn_pitch);
  }
  check_launch(launch_relational_forward(op, current_stream(to.out.get_device_index())),
               "relational_attention");
}

template <typename scalar_t>
void run_backward(const AttentionInputs& in, const AttentionSaved& from, AttentionGrads& to) {
  using kernel_t = cuda_t<scalar_t>;
  RelationalBackward<kernel_t> op{};
  op.forward = arguments<scalar_t>(in);
  Scratch scratch(in.src_feat);
  op.allocate_scratch([&](auto*& pointer, int64_t count) { scratch.take(pointer, count); });
  // backward reads what forward wrote; one struct serves both
  const auto written = [](const Tensor& t) { return const_cast<kernel_t*>(input<scalar_t>(t)); };
  // Their rows are read as whole vectors; a view need not start where forward's results do.
  const auto aligned = [](const void* rows) { return reinterpret_cast<uintptr_t>(rows) % 16 == 0; };
  STD_TORCH_CHECK(aligned(written(from.u)) && aligned(written(from.v)),
                  "relational_attention_backward: u and v must start at multiples of 16 bytes, as "
                  "what relational_attention returns does");
  op.forward.alpha = written(from.alpha);
  op.forward.u = written(from.u);
  op.forward.v = written(from.v);
  op.forward.gelu_grad = in.options.gelu ? written(from.pre) : nullptr;
  op.shared = !in.dst_feat;
  op.grad_out = input<scalar_t>(from.grad_out);
  op.grad_alpha = from.grad_alpha ? input<scalar_t>(*from.grad_alpha) : nullptr;
  op.dst_feat = output<scalar_t>(to.dst_feat);
  op.src_feat = output<scalar_t>(to.src_feat);
  op.weight_dst = output<scalar_t>(to.weight_dst);
  op.weight_src = output<scalar_t>(to.weight_src);
  op.score = output<scalar_t>(to.score);
  op.rel_weight = output<scalar_t>(to.rel_weight);
  op.bias = output<scalar_t>(to.bias);
  op.edge_weight = output<scalar_t>(to.edge_weight);
  check_launch(launch_relational_backward(op, current_stream(from.alpha.get_device_index())),
               "relational_attention_backward");
}

struct Cuda {
  static void check(const Checks& check, const AttentionInputs& in) {
    check.floating();
    STD_TORCH_CHECK(in.out_feats() > 0, "relational_attention: out_feats must be at least 1");
  }

  static void forward(const AttentionInputs& in, AttentionOutputs& to, bool keep) {
    const torch::stable::accelerator::DeviceGuard guard(in.src_feat.get_device_index());
    DISPATCH_FLOATING(in.src_feat, "relational_attention", run_forward<scalar_t>(in, to, keep));
  }
  static void backward(const AttentionInputs& in, const AttentionSaved& from, AttentionGrads& to) {
    const torch::stable::accelerator::DeviceGuard guard(in.src_feat.get_device_index());
    DISPATCH_FLOATING(in.src_feat, "relational_attention_backward",
                      run_backward<scalar_t>(in, from, to));
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ariigcn, CUDA, m) {
  m.impl("relational_attention", TORCH_BOX(&relational_attention<Cuda>));
  m.impl("relational_attention_backward", TORCH_BOX(&relational_attention_backward<Cuda>));
}
