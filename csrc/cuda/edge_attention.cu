// Edge attention: forward and its gradient. Gathers only: a row is written by the one warp or
// block that owns it, and sums have a fixed order.
#include "edge_attention.h"

#include <cmath>

#include "instantiate.h"
#include "launch.h"
#include "warp.h"

namespace ariigcn {
namespace {

constexpr int kThreads = 128;

// w . LeakyReLU(u + v), on every lane.
template <typename scalar_t>
__device__ acc_t<scalar_t> edge_score(const scalar_t* u, const scalar_t* v, const scalar_t* w,
                                      int64_t width, acc_t<scalar_t> slope) {
  using acc = acc_t<scalar_t>;
  acc sum = 0;
  for (int64_t k = lane(); k < width; k += kWarpSize)
    sum += acc(w[k]) * leaky_relu(acc(u[k]) + acc(v[k]), slope);
  return warp_sum(sum);
}

// A warp owns one (group, target): its lanes share the columns of one score at a time, then the
// edges of the softmax. A lane keeps and reads back the scores of every 32nd edge.
template <typename scalar_t, typename index_t>
__global__ void attention_kernel(AttentionShape n, AttentionGraph<index_t> graph, const scalar_t* u,
                                 const scalar_t* v, const scalar_t* w, acc_t<scalar_t> slope,
                                 acc_t<scalar_t>* scores, scalar_t* alpha) {
  using acc = acc_t<scalar_t>;
  for (int64_t row = warp_in_grid(); row < n.groups * n.num_dst; row += warps_in_grid()) {
    const int64_t g = row / n.num_dst, i = row % n.num_dst;
    const int64_t first = graph.indptr[i], degree = graph.indptr[i + 1] - first;
    acc* score = scores + g * n.edges + first;
    acc largest = -kInfinity<acc>;
    for (int64_t k = 0; k < degree; ++k) {
      const int64_t source = g * n.num_src + graph.indices[first + k];
      const acc s =
          edge_score(u + row * n.width, v + source * n.width, w + g * n.width, n.width, slope);
      if (s > largest) largest = s;
      if (k % kWarpSize == lane()) score[k] = s;
    }
    acc total = 0;
    for (int64_t k = lane(); k < degree; k += kWarpSize)
      total += score[k] = std::exp(score[k] - largest);
    total = warp_sum(total);
    for (int64_t k = lane(); k < degree; k += kWarpSize)
      alpha[g * n.edges + first + k] = scalar_t(score[k] / total);
  }
}

// A warp owns one (group, target): it writes the score gradient of its edges, a lane every 32nd,
// then its row of grad_u, a lane every 32nd column.
template <typename scalar_t, typename index_t>
__global__ void target_kernel(AttentionShape n, AttentionGraph<index_t> graph,
                              AttentionBackward<scalar_t> pass) {
  using acc = acc_t<scalar_t>;
  for (int64_t row = warp_in_grid(); row < n.groups * n.num_dst; row += warps_in_grid()) {
    const int64_t g = row / n.num_dst, i = row % n.num_dst;
    const int64_t first = graph.indptr[i], last = graph.indptr[i + 1];
    const scalar_t *a = pass.alpha + g * n.edges, *da = pass.grad + g * n.edges;
    acc* ds = pass.grad_score + g * n.edges;
    acc dot = 0;
    for (int64_t e = first + lane(); e < last; e += kWarpSize) dot += acc(a[e]) * acc(da[e]);
    dot = warp_sum(dot);
    for (int64_t e = first + lane(); e < last; e += kWarpSize)
      ds[e] = acc(a[e]) * (acc(da[e]) - dot);
    __syncwarp();  // the columns below read all lanes' ds
    for (int64_t k = lane(); k < n.width; k += kWarpSize) {
      const acc u = acc(pass.u[row * n.width + k]);
      acc du = 0;
      for (int64_t e = first; e < last; ++e) {
        const acc v = acc(pass.v[(g * n.num_src + graph.indices[e]) * n.width + k]);
        du += ds[e] * leaky_relu_grad(u + v, pass.slope);
      }
      pass.grad_u[row * n.width + k] = scalar_t(du * acc(pass.w[g * n.width + k]));
    }
  }
}

// A warp owns one (group, source) and walks the edges that leave it; a lane owns every 32nd column.
template <typename scalar_t, typename index_t>
__global__ void source_kernel(AttentionShape n, AttentionGraph<index_t> graph,
                              AttentionBackward<scalar_t> pass) {
  using acc = acc_t<scalar_t>;
  for (int64_t row = warp_in_grid(); row < n.groups * n.num_src; row += warps_in_grid()) {
    const int64_t g = row / n.num_src, j = row % n.num_src;
    for (int64_t k = lane(); k < n.width; k += kWarpSize) {
      const acc v = acc(pass.v[row * n.width + k]);
      acc dv = 0;
      for (int64_t t = graph.t_indptr[j]; t < graph.t_indptr[j + 1]; ++t) {
        const int64_t e = graph.t_eids[t];
        const acc u = acc(pass.u[(g * n.num_dst + graph.dst[e]) * n.width + k]);
        dv += pass.grad_score[g * n.edges + e] * leaky_relu_grad(u + v, pass.slope);
      }
      pass.grad_v[row * n.width + k] = scalar_t(dv * acc(pass.w[g * n.width + k]));
    }
  }
}

// A block owns one (group, run of kTargetsPerPartial targets) and walks the edges of the run; a
// thread owns every 128th column of the partial sum for grad_w.
template <typename scalar_t, typename index_t>
__global__ void partial_kernel(AttentionShape n, AttentionGraph<index_t> graph,
                               AttentionBackward<scalar_t> pass, int64_t partials) {
  using acc = acc_t<scalar_t>;
  for (int64_t part = blockIdx.x; part < n.groups * partials; part += gridDim.x) {
    const int64_t g = part / partials, start = part % partials * kTargetsPerPartial;
    const int64_t stop =
        n.num_dst - start < kTargetsPerPartial ? n.num_dst : start + kTargetsPerPartial;
    for (int64_t k = threadIdx.x; k < n.width; k += kThreads) {
      acc dw = 0;
      for (int64_t e = graph.indptr[start]; e < graph.indptr[stop]; ++e) {
        const acc u = acc(pass.u[(g * n.num_dst + graph.dst[e]) * n.width + k]);
        const acc v = acc(pass.v[(g * n.num_src + graph.indices[e]) * n.width + k]);
        dw += pass.grad_score[g * n.edges + e] * leaky_relu(u + v, pass.slope);
      }
      pass.partial[part * n.width + k] = dw;
    }
  }
}

// A thread owns one element of grad_w and adds up its partial sums in order.
template <typename scalar_t>
__global__ void sum_partials_kernel(AttentionShape n, AttentionBackward<scalar_t> pass,
                                    int64_t partials) {
  const int64_t first = int64_t(blockIdx.x) * kThreads + threadIdx.x;
  for (int64_t item = first; item < n.groups * n.width; item += int64_t(gridDim.x) * kThreads) {
    const int64_t g = item / n.width, k = item % n.width;
    acc_t<scalar_t> sum = 0;
    for (int64_t p = 0; p < partials; ++p) sum += pass.partial[(g * partials + p) * n.width + k];
    pass.grad_w[item] = scalar_t(sum);
  }
}

}  // namespace

template <typename scalar_t, typename index_t>
cudaError_t launch_edge_attention(const AttentionShape& n, const AttentionGraph<index_t>& graph,
                                  const scalar_t* u, const scalar_t* v, const scalar_t* w,
                                  double negative_slope, acc_t<scalar_t>* scores, scalar_t* alpha,
                                  cudaStream_t stream) {
  return launch_warps(n.groups * n.num_dst, stream, attention_kernel<scalar_t, index_t>, n, graph,
                      u, v, w, acc_t<scalar_t>(negative_slope), scores, alpha);
}

template <typename scalar_t, typename index_t>
cudaError_t launch_edge_attention_backward(const AttentionShape& n,
                                           const AttentionGraph<index_t>& graph,
                                           const AttentionBackward<scalar_t>& pass,
                                           cudaStream_t stream) {
  const int64_t partials = partial_rows(n);
  const int64_t blocks = (n.groups * n.width + kThreads - 1) / kThreads;
  const cudaError_t errors[] = {
      launch_warps(n.groups * n.num_dst, stream, target_kernel<scalar_t, index_t>, n, graph, pass),
      launch_warps(n.groups * n.num_src, stream, source_kernel<scalar_t, index_t>, n, graph, pass),
      launch(n.groups * partials, kThreads, stream, partial_kernel<scalar_t, index_t>, n, graph,
             pass, partials),
      launch(blocks, kThreads, stream, sum_partials_kernel<scalar_t>, n, pass, partials)};
  for (const cudaError_t error : errors)
    if (error != cudaSuccess) return error;
  return cudaSuccess;
}

#define INSTANTIATE(scalar_t, index_t)                                                           \
  template cudaError_t launch_edge_attention(                                                    \
      const AttentionShape&, const AttentionGraph<index_t>&, const scalar_t*, const scalar_t*,   \
      const scalar_t*, double, acc_t<scalar_t>*, scalar_t*, cudaStream_t);                       \
  template cudaError_t launch_edge_attention_backward(                                           \
      const AttentionShape&, const AttentionGraph<index_t>&, const AttentionBackward<scalar_t>&, \
      cudaStream_t);
FOR_KERNEL_TYPES(INSTANTIATE)

}  // namespace ariigcn
