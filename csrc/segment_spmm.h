// The segment operators, alike on every device; `Backend` computes them on one:
//   check(checks, graph, transpose), spmm(rows, weight, feat, out), sddmm(graph, left, right, out).
#pragma once

#include <torch/csrc/stable/ops.h>

#include "graph_checks.h"
#include "segment_rows.h"

namespace ariigcn {

template <typename Backend>
torch::stable::Tensor segment_spmm(const torch::stable::Tensor& weight,
                                   const torch::stable::Tensor& feat,
                                   const torch::stable::Tensor& plan, std::vector<int64_t> sizes,
                                   bool transpose) {
  Checks::dim("segment_spmm", "feat", feat, 3);
  const Checks check("segment_spmm", feat);
  const GraphPlan graph = graph_plan(check, plan, sizes);
  const SegmentRows rows = transpose ? source_rows(graph, feat.size(0), feat.size(2))
                                     : segment_rows(graph, feat.size(0), feat.size(2));
  check.floating();
  check.values("feat", feat, {rows.groups, rows.others, rows.width});
  check.values("weight", weight, {rows.groups, rows.edges});
  Backend::check(check, graph, transpose);
  torch::stable::Tensor out = torch::stable::new_empty(feat, {rows.groups, rows.rows, rows.width});
  Backend::spmm(rows, weight, feat, out);
  return out;
}

template <typename Backend>
torch::stable::Tensor segment_sddmm(const torch::stable::Tensor& left,
                                    const torch::stable::Tensor& right,
                                    const torch::stable::Tensor& plan, std::vector<int64_t> sizes) {
  Checks::dim("segment_sddmm", "right", right, 3);
  const Checks check("segment_sddmm", right);
  const GraphPlan graph = graph_plan(check, plan, sizes);
  const int64_t groups = right.size(0), width = right.size(2);
  check.floating();
  check.values("right", right, {groups, graph.num_src, width});
  check.values("left", left, {groups, graph.num_segments, width});
  Backend::check(check, graph, false);
  torch::stable::Tensor out = torch::stable::new_empty(right, {groups, graph.num_edges});
  Backend::sddmm(graph, left, right, out);
  return out;
}

}  // namespace ariigcn
