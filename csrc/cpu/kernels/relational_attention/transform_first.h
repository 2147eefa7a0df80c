// Messages, transformed first: the sources of each relation are multiplied by the matrices of all
// heads, which lie side by side, and an edge weighs each head's columns of its row by that head's
// attention. Edges cost as much as with one head of the width of all.
#pragma once

#include "backward_pass.h"
#include "gelu.h"
#include "source_pairs.h"

namespace ariigcn::ARIIGCN_ISA {

// Whether that is less work than to sum first. An edge's part of a sum takes as long as so many
// multiply-adds of a matrix product; where both ways do as many of those, one head is summed first,
// which needs no memory.
template <typename T>
bool transforms_first(const RelationalAttention<T>& op) {
  constexpr double edge_cost = 8;
  if (op.heads == 1 || op.out_feats == 0) return false;
  const double edges = edge_cost * double(op.graph.num_edges), in = double(op.in_feats),
               out = double(op.out_feats), filled = double(round_to_lanes<T>(op.out_feats));
  const double of_sums = in * (edges + double(op.graph.num_segments) * filled);
  const double of_rows = out * (edges + double(count_source_pairs(op.graph)) * in);
  return of_rows < of_sums;
}

// Where the rows of a pass are that have the columns of all heads.
template <typename T>
struct RowPass {
  const AttentionPass<T>& pass;
  const SourcePairs& pairs;
  T* rows;  // of the pairs
  const int64_t width = pass.heads * pass.op.out_feats;
  const int64_t weights = pass.g * pass.op.graph.num_rels * pass.op.in_feats * pass.op.out_feats;

  T* row(int64_t pair) const { return rows + pair * width; }
  // Of the relation's matrix, or of its gradient, which begins at `all`.
  template <typename Entry>
  Entry* matrix(Entry* all, int64_t r) const {
    return all + weights + r * pass.op.in_feats * width;
  }
};

// rows = (source's row) W_r of every pair.
template <typename T>
void transform_sources(const RowPass<T>& at) {
  struct Task {
    int64_t r, first, last;
  };
  const auto& op = at.pass.op;
  const int64_t most = rows_in_cache(op.in_feats);
  std::vector<Task> tasks;
  for (int64_t r = 0; r < op.graph.num_rels; ++r)
    for (int64_t q = at.pairs.begin(r); q < at.pairs.end(r); q += most)
      tasks.push_back({r, q, std::min(q + most, at.pairs.end(r))});
  run_tasks(tasks.size(), [&] {
    return [&, panel = Buffer<T>(panel_size<T>(op.in_feats))](int64_t t) {
      const auto [r, first, last] = tasks[t];
      for (int64_t n = 0; n < at.width; n += kPanel<T>)
        multiply_rows<T>(
            {at.matrix(op.rel_weight, r), at.width, op.in_feats, at.width, false}, n, last - first,
            [&, first = first](int64_t m) { return at.pass.src_feat(at.pairs.source(first + m)); },
            [&, first = first](int64_t m) { return at.row(first + m); }, false, panel);
    };
  });
}

template <typename T>
void transform_first(const AttentionPass<T>& pass, const SourcePairs& pairs) {
  const auto& op = pass.op;
  const GraphPlan& graph = op.graph;
  const Buffer<T> rows(pairs.count() * pass.heads * op.out_feats);
  const RowPass<T> at{pass, pairs, rows};
  transform_sources(at);
  const int64_t width = at.width, start = pass.g * graph.num_dst * op.out_feats;
  T *out = op.out + start, *before = op.pre == nullptr ? out : op.pre + start;
  const EdgeTasks targets = target_tasks(graph, pass.block);
  const Buffer<T> of_parts(targets.hubs.count() * width);
  const auto activate = [&](int64_t first, int64_t last) {
    if (op.gelu) gelu(before + first * width, out + first * width, (last - first) * width);
  };
  with_heads<T>(pass.heads, [&](const auto& heads) {
    using Heads = std::decay_t<decltype(heads)>;
    const auto sum = [&](int64_t first, int64_t last, T* to) {
      sum_rows<T>(
          first, last, [&](int64_t e) { return at.row(pairs.of_edge(e)); }, width,
          WeightedTerm<T, Heads>{pass.factors(), heads}, to);
    };
    targets.hubs.run([&] {
      return
          [&](int64_t p, const HubPart& part) { sum(part.first, part.last, of_parts + p * width); };
    });
    targets.run([&] {
      return [&](int64_t, int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i)
          sum(graph.indptr[i], graph.indptr[i + 1], before + i * width);
        activate(first, last);
      };
    });
  });
  targets.hubs.add_up<T>(&HubPart::row, of_parts, width, [&](const HubPart& part, int64_t, T* sum) {
    std::copy_n(sum, width, before + part.row * width);
    activate(part.row, part.row + 1);
  });
}

// Gradients by what edges multiply their rows by, and then, in place of the rows, by them.
template <typename T, typename Heads>
void row_grads(const BackwardPass<T>& pass, const RowPass<T>& at, const PairEdges& edges,
               const Heads& heads, const EdgeTasks& targets) {
  const GraphPlan& graph = pass.graph();
  const auto by_out = [&](int64_t i) { return pass.grad_pre + (i - pass.block.dst) * at.width; };
  const auto by_factors = [&](int64_t i, int64_t first, int64_t last) {
    reduce_rows<T>(
        heads, first, last, [&](int64_t e) { return at.row(at.pairs.of_edge(e)); }, at.width,
        DotTerm<T>{by_out(i), {}}, [&](int64_t e, auto dot) { heads.put(pass.by_edge(), e, dot); });
  };
  targets.hubs.run([&] {
    return [&](int64_t, const HubPart& part) { by_factors(part.row, part.first, part.last); };
  });
  targets.run([&] {
    return [&](int64_t, int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) by_factors(i, graph.indptr[i], graph.indptr[i + 1]);
    };
  });
  const auto by_rows = [&](int64_t first, int64_t last, T* to) {
    const int32_t* edge = edges.list() + first;
    sum_rows<T>(
        0, last - first, [&](int64_t k) { return by_out(graph.seg_dst[graph.edge_seg[edge[k]]]); },
        at.width, WeightedTerm<T, Listed<Heads>>{pass.factors(), {heads, edge}}, to);
  };
  const IndexArray ptr = edges.ptr();
  const EdgeTasks pairs(ptr, 0, at.pairs.count(), hub_parts(ptr, 0, at.pairs.count()));
  const Buffer<T> of_parts(pairs.hubs.count() * at.width);
  pairs.hubs.run([&] {
    return [&](int64_t p, const HubPart& part) {
      by_rows(part.first, part.last, of_parts + p * at.width);
    };
  });
  pairs.run([&] {
    return [&](int64_t, int64_t first, int64_t last) {
      for (int64_t q = first; q < last; ++q) by_rows(ptr[q], ptr[q + 1], at.row(q));
    };
  });
  pairs.hubs.add_up<T>(
      &HubPart::row, of_parts, at.width,
      [&](const HubPart& part, int64_t, T* sum) { std::copy_n(sum, at.width, at.row(part.row)); });
}

// Of the features, and of what edges multiply them by.
template <typename T>
void transform_first_grad(const BackwardPass<T>& pass, const SourcePairs& pairs,
                          const PairEdges& edges, const EdgeTasks& targets) {
  const auto& op = pass.op;
  const GraphPlan& graph = op.graph;
  const Block& block = pass.block;
  const RowPass<T> at{pass, pairs, pass.grad_sums};
  transform_sources(at);
  with_heads<T>(pass.heads,
                [&](const auto& heads) { row_grads<T>(pass, at, edges, heads, targets); });
  const int64_t width = op.in_feats, depth = at.width,
                range = product_range(graph, block.sources(), pairs.count(), depth);
  run_tasks(product_tasks<T>(block.sources(), range, width), [&] {
    return [&, panel = Buffer<T>(panel_size<T>(depth))](int64_t t) {
      const ProductTask<T> task(t, block.sources(), range, width);
      const int64_t first = block.src + task.first, last = block.src + task.last;
      const int64_t columns = std::min(kPanel<T>, width - task.n0);
      for (int64_t j = first; j < last && pass.g % op.heads == 0; ++j)
        std::fill_n(pass.grad_src(j) + task.n0, columns, T(0));
      for (int64_t r = 0; r < graph.num_rels; ++r) {
        const int64_t begin = pairs.from_source(r, first), end = pairs.from_source(r, last);
        multiply_rows<T>(
            {at.matrix(op.rel_weight, r), depth, depth, width, true}, task.n0, end - begin,
            [&](int64_t m) { return at.row(begin + m); },
            [&](int64_t m) { return pass.grad_src(pairs.source(begin + m)); }, true, panel);
      }
    };
  });
}

// Rows m0 .. of the gradient of W_r: the sum of (source's row) (x) (gradient of its transform).
template <typename T>
void transform_first_weight_grad(const BackwardPass<T>& pass, const SourcePairs& pairs, int64_t r,
                                 int64_t m0, int64_t rows, T* panel) {
  const RowPass<T> at{pass, pairs, pass.grad_sums};
  const int64_t begin = pairs.begin(r);
  multiply_outer<T>(
      pairs.end(r) - begin, [&](int64_t k) { return pass.src_feat(pairs.source(begin + k)) + m0; },
      [&](int64_t k) { return at.row(begin + k); }, rows, at.width,
      at.matrix(pass.grad.rel_weight, r) + m0 * at.width, at.width, !pass.first_block, panel);
}

}  // namespace ariigcn::ARIIGCN_ISA
