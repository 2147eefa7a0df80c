// The relational sum: weights of edges are given, and the rest is that of the attention.
#pragma once

#include "backward.h"
#include "forward.h"

namespace ariigcn::ARIIGCN_ISA {

template <typename T>
void relational_sum(const RelationalAttention<T>& op) {
  for_blocks(op.graph, [&](const Block& block) {
    for (int64_t g = 0; g < op.groups; ++g) {
      T* factor = op.alpha + g * op.graph.num_edges + block.edge;
      transform(AttentionPass<T>{op, block, g, nullptr, nullptr, factor});
    }
  });
}

template <typename T>
void relational_sum_backward(const RelationalAttentionGrad<T>& grad) {
  const RelationalAttention<T>& op = grad.forward;
  const GraphPlan& graph = op.graph;
  const int64_t most = outer_rows(graph), per_weight = ceil_div(op.in_feats, most);
  for_blocks(graph, [&](const Block& block) {
    const int64_t degree = most_leaving(graph, block);
    const RowTasks targets = target_tasks(graph, block), sources = source_tasks(graph, block);
    Buffer<T> grad_sums(block.segments() * op.in_feats);
    for (int64_t g = 0; g < op.groups; ++g) {
      BackwardPass<T> pass{
          {op, block, g, nullptr, nullptr, op.alpha + g * graph.num_edges + block.edge}, grad};
      pass.grad_pre = grad.grad_out + (g * graph.num_dst + block.dst) * op.out_feats;
      pass.grad_sums = grad_sums;
      pass.ds = grad.edge_weight + g * graph.num_edges + block.edge;
      pass.first_block = block.dst == 0;
      sums_grad<T>(pass);
      targets.run([&] {
        return [&](int64_t, int64_t first, int64_t last) {
          for (int64_t i = first; i < last; ++i) factor_grads<T>(pass, i);
        };
      });
      sources.run([&] {
        return [&, factor = Buffer<T>(degree)](int64_t, int64_t first, int64_t last) {
          for (int64_t j = first; j < last; ++j) {
            const int64_t begin = graph.t_indptr[j], end = graph.t_indptr[j + 1];
            for (int64_t k = begin; k < end; ++k)
              factor[k - begin] = pass.factor[graph.t_eids[k] - block.edge];
            summed_grad<T>(pass, j, factor, grad.src_feat + (pass.src_feat(j) - op.src_feat));
          }
        };
      });
      run_tasks(graph.num_rels * per_weight, [&] {
        return [&, sums = Buffer<T>(kOuterDepth * most),
                panel = Buffer<T>(kDepth * kPanel<T>)](int64_t t) {
          const int64_t m0 = t % per_weight * most;
          relation_grad<T>(pass, t / per_weight, m0, std::min(most, op.in_feats - m0), sums, panel);
        };
      });
    }
  });
}

}  // namespace ariigcn::ARIIGCN_ISA
