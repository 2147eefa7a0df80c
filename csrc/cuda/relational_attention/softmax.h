// The softmax over a row's edges, by the threads of a warp or of a block.
#pragma once

#include "edge_block.h"

namespace ariigcn {

struct WarpThreads {
  __device__ int index() const { return lane(); }
  __device__ int count() const { return kWarpSize; }
  template <typename acc>
  __device__ acc sum(acc value) const {
    return warp_sum(value);
  }
  template <typename acc>
  __device__ acc max(acc value) const {
    return warp_max(value);
  }
};

// The edges first .. end of a row: number(e), its score, becomes what its source is multiplied by,
// and alpha[e] its attention.
template <typename scalar_t, typename Threads, typename Number>
__device__ void attend_row(const RelationalForward<scalar_t>& op, int64_t group, int first, int end,
                           const Threads& threads, const Number& number) {
  using acc = acc_t<scalar_t>;
  scalar_t* alpha = op.alpha + group * op.graph.num_edges;
  const int begin = first + threads.index(), step = threads.count();
  acc largest = -kInfinity<acc>, total = 0;
  for (int e = begin; e < end; e += step)
    if (number(e) > largest) largest = number(e);
  largest = threads.max(largest);
  for (int e = begin; e < end; e += step) total += number(e) = std::exp(number(e) - largest);
  const acc inverse = 1 / threads.sum(total);
  for (int e = begin; e < end; e += step) {
    const acc share = number(e) * inverse;
    alpha[e] = scalar_t(share);
    number(e) = share * edge_scale(op, group, e) * edge_weight(op, e);
  }
}

// Of the same edges the gradients of factors, in op.grad_score, become those of scores; keep(e,
// gradient) is called with each.
template <typename scalar_t, typename Threads, typename Keep>
__device__ void row_grads(const RelationalBackward<scalar_t>& op, int64_t group, int first, int end,
                          const Threads& threads, const Keep& keep) {
  using acc = acc_t<scalar_t>;
  const RelationalForward<scalar_t>& forward = op.forward;
  const int64_t start = group * forward.graph.num_edges;
  acc* ds = op.grad_score + start;  // which source_grads reads, too
  const int begin = first + threads.index(), step = threads.count();
  acc inner = 0;
  for (int e = begin; e < end; e += step) {
    const acc alpha = acc(forward.alpha[start + e]);
    const acc by_weighted = ds[e] * edge_scale(forward, group, e);
    if (forward.edge_weight != nullptr) op.by_edge_weight[start + e] = alpha * by_weighted;
    ds[e] = by_weighted * edge_weight(forward, e);
    if (op.grad_alpha != nullptr) ds[e] += acc(op.grad_alpha[start + e]);
    inner += alpha * ds[e];
  }
  inner = threads.sum(inner);
  for (int e = begin; e < end; e += step) {
    const acc by_score = acc(forward.alpha[start + e]) * (ds[e] - inner);
    ds[e] = by_score;
    keep(e, by_score);
  }
}

}  // namespace ariigcn
