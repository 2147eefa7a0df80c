// The relational sum: weights of edges are given, and the rest is that of the attention.
#pragma once

#include "backward.h"
#include "forward.h"

namespace ariigcn::ARIIGCN_ISA {

template <typename T>
void relational_sum(const RelationalAttention<T>& op) {
  for_blocks(op.graph, [&](const Block& block) {
    const Buffer<T> hub_sums(hub_sums_size(op, block, 1));
    for (int64_t g = 0; g < op.groups; ++g)
      sum_first(AttentionPass<T>{op, block, g, 1, nullptr, nullptr, nullptr, hub_sums});
  });
}

template <typename T>
void relational_sum_backward(const RelationalAttentionGrad<T>& grad) {
  const RelationalAttention<T>& op = grad.forward;
  const GraphPlan& graph = op.graph;
  const int64_t most = outer_rows(graph), per_weight = ceil_div(op.in_feats, most);
  for_blocks(graph, [&](const Block& block) {
    const EdgeTasks targets = target_tasks(graph, block), sources = source_tasks(graph, block);
    Buffer<T> grad_sums(block.segments() * op.in_feats), hub_sums(hub_sums_size(op, block, 1));
    for (int64_t g = 0; g < op.groups; ++g) {
      BackwardPass<T> pass{{op, block, g, 1, nullptr, nullptr, nullptr, hub_sums}, grad};
      pass.grad_pre = grad.grad_out + (g * graph.num_dst + block.dst) * op.out_feats;
      pass.grad_sums = grad_sums;
      pass.ds = grad.edge_weight + g * graph.num_edges + block.edge;
      pass.first_block = block.dst == 0;
      sum_first_grad<T>(pass, targets, sources);
      sum_hubs<T>(pass);
      run_tasks(graph.num_rels * per_weight, [&] {
        return [&, sums = Buffer<T>(kOuterDepth * most),
                panel = Buffer<T>(kDepth * kPanel<T>)](int64_t t) {
          const int64_t m0 = t % per_weight * most;
          sum_first_weight_grad<T>(pass, t / per_weight, m0, std::min(most, op.in_feats - m0), sums,
                                   panel);
        };
      });
    }
  });
}

}  // namespace ariigcn::ARIIGCN_ISA
