// Edge attention on the CPU: alpha = softmax over in-edges of w . LeakyReLU(u_i + v_j).
// Forward walks targets, backward walks targets for (u, w) and sources for v: gathers only, so
// results do not depend on the number of threads.
#include "../dispatch.h"
#include "../numeric.h"

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>

#include <algorithm>
#include <cmath>
#include <tuple>
#include <vector>

namespace {
using ariigcn::acc_t;
using torch::stable::Tensor;

// Targets whose contributions to grad_w are summed in one partial row: fixed, so that the order of
// summation is the same for any number of threads.
constexpr int64_t kTargetsPerPartial = 64;

struct Shape {
  int64_t groups, num_dst, num_src, edges, width;
};

Shape shape_of(const Tensor& u, const Tensor& v, const Tensor& indices) {
  return {u.size(0), u.size(1), v.size(1), indices.numel(), u.size(2)};
}

struct Csr {
  const int64_t *indptr, *indices;
};

template <typename scalar_t>
acc_t<scalar_t> score(const scalar_t* u, const scalar_t* v, const scalar_t* w, int64_t width,
                      acc_t<scalar_t> slope) {
  using acc = acc_t<scalar_t>;
  acc sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t k = 0; k < width; ++k)
    sum += acc(w[k]) * ariigcn::leaky_relu(acc(u[k]) + acc(v[k]), slope);
  return sum;
}

template <typename acc>
void softmax_in_place(std::vector<acc>& scores) {
  const acc largest = *std::max_element(scores.begin(), scores.end());
  acc total = 0;
  for (acc& s : scores) total += s = std::exp(s - largest);
  for (acc& s : scores) s /= total;
}

template <typename scalar_t>
void forward(const Shape& n, const Csr& csr, const scalar_t* u, const scalar_t* v,
             const scalar_t* w, double slope, scalar_t* alpha) {
  using acc = acc_t<scalar_t>;
  torch::stable::parallel_for(0, n.groups * n.num_dst, 16, [&](int64_t begin, int64_t end) {
    std::vector<acc> scores;
    for (int64_t row = begin; row < end; ++row) {
      const int64_t g = row / n.num_dst, i = row % n.num_dst;
      const int64_t first = csr.indptr[i], degree = csr.indptr[i + 1] - first;
      if (degree == 0) continue;
      scores.resize(degree);
      for (int64_t k = 0; k < degree; ++k)
        scores[k] = score(u + row * n.width, v + (g * n.num_src + csr.indices[first + k]) * n.width,
                          w + g * n.width, n.width, acc(slope));
      softmax_in_place(scores);
      std::copy(scores.begin(), scores.end(), alpha + g * n.edges + first);
    }
  });
}

// Gradients of one partial: `kTargetsPerPartial` targets of one group. Writes the score gradient
// of their edges, their rows of grad_u, and their sum for grad_w.
template <typename scalar_t>
struct TargetPass {
  using acc = acc_t<scalar_t>;
  Shape n;
  Csr csr;
  const scalar_t *grad, *alpha, *u, *v, *w;
  acc slope;
  acc* grad_score;   // (G, E)
  scalar_t* grad_u;  // (G, N_dst, D)

  void row(int64_t g, int64_t i, std::vector<acc>& du, acc* dw) const {
    const int64_t first = csr.indptr[i], last = csr.indptr[i + 1];
    const auto *a = alpha + g * n.edges, *da = grad + g * n.edges;
    acc dot = 0;
    for (int64_t e = first; e < last; ++e) dot += acc(a[e]) * acc(da[e]);
    std::fill(du.begin(), du.end(), acc(0));
    const auto *u_row = u + (g * n.num_dst + i) * n.width, *w_row = w + g * n.width;
    for (int64_t e = first; e < last; ++e) {
      const acc ds = acc(a[e]) * (acc(da[e]) - dot);
      grad_score[g * n.edges + e] = ds;
      const auto* v_row = v + (g * n.num_src + csr.indices[e]) * n.width;
#pragma omp simd
      for (int64_t k = 0; k < n.width; ++k) {
        const acc t = acc(u_row[k]) + acc(v_row[k]);
        du[k] += ds * acc(w_row[k]) * ariigcn::leaky_relu_grad(t, slope);
        dw[k] += ds * ariigcn::leaky_relu(t, slope);
      }
    }
    std::copy(du.begin(), du.end(), grad_u + (g * n.num_dst + i) * n.width);
  }

  void run(int64_t partials, acc* grad_w_partial) const {
    torch::stable::parallel_for(0, n.groups * partials, 1, [&](int64_t begin, int64_t end) {
      std::vector<acc> du(n.width);
      for (int64_t part = begin; part < end; ++part) {
        const int64_t g = part / partials, start = part % partials * kTargetsPerPartial;
        const int64_t stop = std::min(start + kTargetsPerPartial, n.num_dst);
        acc* dw = grad_w_partial + part * n.width;
        for (int64_t i = start; i < stop; ++i) row(g, i, du, dw);
      }
    });
  }
};

template <typename scalar_t>
void source_pass(const TargetPass<scalar_t>& p, const int64_t* dst, const int64_t* t_indptr,
                 const int64_t* t_eids, scalar_t* grad_v) {
  using acc = acc_t<scalar_t>;
  const Shape& n = p.n;
  torch::stable::parallel_for(0, n.groups * n.num_src, 16, [&](int64_t begin, int64_t end) {
    std::vector<acc> dv(n.width);
    for (int64_t row = begin; row < end; ++row) {
      const int64_t g = row / n.num_src, j = row % n.num_src;
      std::fill(dv.begin(), dv.end(), acc(0));
      const auto *v_row = p.v + row * n.width, *w_row = p.w + g * n.width;
      for (int64_t k = t_indptr[j]; k < t_indptr[j + 1]; ++k) {
        const acc ds = p.grad_score[g * n.edges + t_eids[k]];
        const auto* u_row = p.u + (g * n.num_dst + dst[t_eids[k]]) * n.width;
#pragma omp simd
        for (int64_t d = 0; d < n.width; ++d)
          dv[d] +=
              ds * acc(w_row[d]) * ariigcn::leaky_relu_grad(acc(u_row[d]) + acc(v_row[d]), p.slope);
      }
      std::copy(dv.begin(), dv.end(), grad_v + row * n.width);
    }
  });
}

template <typename acc, typename scalar_t>
void sum_partials(const std::vector<acc>& partial, int64_t groups, int64_t partials, int64_t width,
                  scalar_t* out) {
  std::vector<acc> sum(width);
  for (int64_t g = 0; g < groups; ++g) {
    std::fill(sum.begin(), sum.end(), acc(0));
    for (int64_t p = 0; p < partials; ++p)
      for (int64_t k = 0; k < width; ++k) sum[k] += partial[(g * partials + p) * width + k];
    std::copy(sum.begin(), sum.end(), out + g * width);
  }
}

Tensor edge_attention(const Tensor& u, const Tensor& v, const Tensor& w, double negative_slope,
                      const Tensor& indptr, const Tensor& indices, const Tensor&, const Tensor&,
                      const Tensor&) {
  const Shape n = shape_of(u, v, indices);
  const Csr csr{indptr.const_data_ptr<int64_t>(), indices.const_data_ptr<int64_t>()};
  Tensor alpha = torch::stable::new_empty(u, {n.groups, n.edges});
  DISPATCH_FLOATING(
      u, "edge_attention",
      forward(n, csr, u.const_data_ptr<scalar_t>(), v.const_data_ptr<scalar_t>(),
              w.const_data_ptr<scalar_t>(), negative_slope, alpha.mutable_data_ptr<scalar_t>()));
  return alpha;
}

template <typename scalar_t>
void backward(const Shape& n, const Csr& csr, const Tensor& grad, const Tensor& alpha,
              const Tensor& u, const Tensor& v, const Tensor& w, double slope, const int64_t* dst,
              const int64_t* t_indptr, const int64_t* t_eids, Tensor& grad_u, Tensor& grad_v,
              Tensor& grad_w) {
  using acc = acc_t<scalar_t>;
  std::vector<acc> grad_score(n.groups * n.edges);
  const TargetPass<scalar_t> pass{n,
                                  csr,
                                  grad.const_data_ptr<scalar_t>(),
                                  alpha.const_data_ptr<scalar_t>(),
                                  u.const_data_ptr<scalar_t>(),
                                  v.const_data_ptr<scalar_t>(),
                                  w.const_data_ptr<scalar_t>(),
                                  acc(slope),
                                  grad_score.data(),
                                  grad_u.mutable_data_ptr<scalar_t>()};
  const int64_t partials = (n.num_dst + kTargetsPerPartial - 1) / kTargetsPerPartial;
  std::vector<acc> grad_w_partial(n.groups * partials * n.width);
  pass.run(partials, grad_w_partial.data());
  source_pass(pass, dst, t_indptr, t_eids, grad_v.mutable_data_ptr<scalar_t>());
  sum_partials(grad_w_partial, n.groups, partials, n.width, grad_w.mutable_data_ptr<scalar_t>());
}

std::tuple<Tensor, Tensor, Tensor> edge_attention_backward(
    const Tensor& grad, const Tensor& alpha, const Tensor& u, const Tensor& v, const Tensor& w,
    double negative_slope, const Tensor& indptr, const Tensor& indices, const Tensor& dst,
    const Tensor& t_indptr, const Tensor& t_eids) {
  const Shape n = shape_of(u, v, indices);
  const Csr csr{indptr.const_data_ptr<int64_t>(), indices.const_data_ptr<int64_t>()};
  Tensor grad_u = torch::stable::empty_like(u);
  Tensor grad_v = torch::stable::empty_like(v);
  Tensor grad_w = torch::stable::empty_like(w);
  DISPATCH_FLOATING(
      u, "edge_attention_backward",
      backward<scalar_t>(n, csr, grad, alpha, u, v, w, negative_slope,
                         dst.const_data_ptr<int64_t>(), t_indptr.const_data_ptr<int64_t>(),
                         t_eids.const_data_ptr<int64_t>(), grad_u, grad_v, grad_w));
  return {grad_u, grad_v, grad_w};
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ariigcn, CPU, m) {
  m.impl("edge_attention", TORCH_BOX(&edge_attention));
  m.impl("edge_attention_backward", TORCH_BOX(&edge_attention_backward));
}
