// The relational sum: weights of edges are given, and the rest is that of the attention.
#pragma once

#include "backward.h"
#include "forward.h"

namespace ariigcn::ARIIGCN_ISA {

template <typename T>
void relational_sum(const RelationalAttention<T>& given) {
  const SideBySideTensor<T> weights(given, given.graph.num_edges, given.heads > 1);
  RelationalAttention<T> op = given;
  op.alpha = const_cast<T*>(weights.of(given.alpha));  // which is read only
  for_blocks(op.graph, [&](const Block& block) {
    const Buffer<T> hub_sums(hub_sums_size(op, block, std::min<int64_t>(op.heads, kLanes<T>)));
    for_bundles<T>(op, [&](int64_t g, int64_t heads) {
      sum_first(AttentionPass<T>{op, block, g, heads, nullptr, nullptr, nullptr, hub_sums});
    });
  });
}

template <typename T>
void relational_sum_weight_grad(const BackwardPass<T>& pass) {
  const int64_t most = outer_rows(pass.graph()), width = pass.op.in_feats;
  const int64_t per_weight = ceil_div(width, most);
  run_tasks(pass.graph().num_rels * per_weight, [&] {
    return [&, sums = Buffer<T>(pass.heads * kOuterDepth * most),
            panel = Buffer<T>(kDepth * kPanel<T>)](int64_t t) {
      const int64_t m0 = t % per_weight * most;
      sum_first_weight_grad<T>(pass, t / per_weight, m0, std::min(most, width - m0), sums, panel);
    };
  });
}

template <typename T>
void relational_sum_backward(const RelationalAttentionGrad<T>& given) {
  const GraphPlan& graph = given.forward.graph;
  const bool several = given.forward.heads > 1;
  const SideBySideTensor<T> weights(given.forward, graph.num_edges, several),
      by_weights(given.forward, graph.num_edges, several);
  RelationalAttentionGrad<T> grad = given;
  grad.forward.alpha = const_cast<T*>(weights.of(given.forward.alpha));  // which is read only
  grad.edge_weight = by_weights.instead_of(given.edge_weight);
  const RelationalAttention<T>& op = grad.forward;
  for_blocks(graph, [&](const Block& block) {
    const EdgeTasks targets = target_tasks(graph, block), sources = source_tasks(graph, block);
    const Buffer<T> grad_sums(sum_first_grad_size(op, block)),
        hub_sums(hub_sums_size(op, block, std::min<int64_t>(op.heads, kLanes<T>)));
    for_bundles<T>(op, [&](int64_t g, int64_t heads) {
      BackwardPass<T> pass{{op, block, g, heads, nullptr, nullptr, nullptr, hub_sums}, grad};
      pass.head_stride = graph.num_dst * op.out_feats;
      pass.grad_pre = grad.grad_out + g * pass.head_stride + block.dst * op.out_feats;
      pass.grad_sums = grad_sums;
      pass.ds = grad.edge_weight + g * graph.num_edges + block.edge * heads;
      pass.first_block = block.dst == 0;
      sum_first_grad<T>(pass, targets, sources);
      sum_hubs<T>(pass);
      relational_sum_weight_grad<T>(pass);
    });
  });
  by_weights.put_back(given.edge_weight);
}

}  // namespace ariigcn::ARIIGCN_ISA
