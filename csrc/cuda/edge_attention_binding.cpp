// CUDA implementations of edge_attention and edge_attention_backward.
#include "edge_attention.h"

#include <torch/csrc/stable/accelerator.h>
#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>

#include <tuple>

#include "../dispatch.h"
#include "../edge_attention_checks.h"
#include "binding.h"
#include "stream.h"

namespace {
using namespace ariigcn;
using torch::stable::Tensor;

AttentionShape shape_of(const Tensor& u, const Tensor& v, const Tensor& indices) {
  return {u.size(0), u.size(1), v.size(1), indices.numel(), u.size(2)};
}

struct Structure {
  const Tensor &indptr, &indices, &dst, &t_indptr, &t_eids;

  template <typename index_t>
  AttentionGraph<index_t> as() const {
    return {indptr.const_data_ptr<index_t>(), indices.const_data_ptr<index_t>(),
            dst.const_data_ptr<index_t>(), t_indptr.const_data_ptr<index_t>(),
            t_eids.const_data_ptr<index_t>()};
  }
};

template <typename scalar_t, typename index_t>
cudaError_t forward(const AttentionShape& n, const AttentionGraph<index_t>& graph, const Tensor& u,
                    const Tensor& v, const Tensor& w, double slope, Tensor& alpha) {
  using acc = acc_t<cuda_t<scalar_t>>;
  Tensor scores = u.scalar_type() == acc_dtype(u)
                      ? alpha
                      : torch::stable::new_empty(u, {n.groups, n.edges}, acc_dtype(u));
  return launch_edge_attention(n, graph, input<scalar_t>(u), input<scalar_t>(v), input<scalar_t>(w),
                               slope, scores.mutable_data_ptr<acc>(), output<scalar_t>(alpha),
                               current_stream(u.get_device_index()));
}

Tensor edge_attention(const Tensor& u, const Tensor& v, const Tensor& w, double negative_slope,
                      const Tensor& indptr, const Tensor& indices, const Tensor& dst,
                      const Tensor& t_indptr, const Tensor& t_eids) {
  const torch::stable::accelerator::DeviceGuard guard(u.get_device_index());
  const Structure graph{indptr, indices, dst, t_indptr, t_eids};
  check_edge_attention("edge_attention", u, v, w, graph);
  const AttentionShape n = shape_of(u, v, indices);
  Tensor alpha = torch::stable::new_empty(u, {n.groups, n.edges});
  DISPATCH_FLOATING(u, "edge_attention", for_index_type(indices, [&](auto index) {
                      const auto typed = graph.as<decltype(index)>();
                      check_launch(forward<scalar_t>(n, typed, u, v, w, negative_slope, alpha),
                                   "edge_attention");
                    }));
  return alpha;
}

template <typename scalar_t, typename index_t>
cudaError_t backward(const AttentionShape& n, const AttentionGraph<index_t>& graph,
                     const Tensor& grad, const Tensor& alpha, const Tensor& u, const Tensor& v,
                     const Tensor& w, double slope, Tensor& grad_u, Tensor& grad_v,
                     Tensor& grad_w) {
  using acc = acc_t<cuda_t<scalar_t>>;
  const auto dtype = acc_dtype(u);
  Tensor grad_score = torch::stable::new_empty(u, {n.groups, n.edges}, dtype);
  Tensor partial = torch::stable::new_empty(u, {n.groups, partial_rows(n), n.width}, dtype);
  const AttentionBackward<cuda_t<scalar_t>> pass{input<scalar_t>(grad),
                                                 input<scalar_t>(alpha),
                                                 input<scalar_t>(u),
                                                 input<scalar_t>(v),
                                                 input<scalar_t>(w),
                                                 acc(slope),
                                                 grad_score.mutable_data_ptr<acc>(),
                                                 partial.mutable_data_ptr<acc>(),
                                                 output<scalar_t>(grad_u),
                                                 output<scalar_t>(grad_v),
                                                 output<scalar_t>(grad_w)};
  return launch_edge_attention_backward(n, graph, pass, current_stream(u.get_device_index()));
}

std::tuple<Tensor, Tensor, Tensor> edge_attention_backward(
    const Tensor& grad, const Tensor& alpha, const Tensor& u, const Tensor& v, const Tensor& w,
    double negative_slope, const Tensor& indptr, const Tensor& indices, const Tensor& dst,
    const Tensor& t_indptr, const Tensor& t_eids) {
  const torch::stable::accelerator::DeviceGuard guard(u.get_device_index());
  const Structure graph{indptr, indices, dst, t_indptr, t_eids};
  const Checks check = check_edge_attention("edge_attention_backward", u, v, w, graph);
  const AttentionShape n = shape_of(u, v, indices);
  check_edge_gradients(check, grad, alpha, n.groups, n.edges);
  Tensor grad_u = torch::stable::empty_like(u);
  Tensor grad_v = torch::stable::empty_like(v);
  Tensor grad_w = torch::stable::empty_like(w);
  DISPATCH_FLOATING(u, "edge_attention_backward", for_index_type(indices, [&](auto index) {
                      const auto typed = graph.as<decltype(index)>();
                      check_launch(backward<scalar_t>(n, typed, grad, alpha, u, v, w,
                                                      negative_slope, grad_u, grad_v, grad_w),
                                   "edge_attention_backward");
                    }));
  return {grad_u, grad_v, grad_w};
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ariigcn, CUDA, m) {
  m.impl("edge_attention", TORCH_BOX(&edge_attention));
  m.impl("edge_attention_backward", TORCH_BOX(&edge_attention_backward));
}
