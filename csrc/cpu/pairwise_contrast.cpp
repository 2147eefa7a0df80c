// Pairwise contrast on the CPU: similarities are formed a tile of rows at a time (matrix product),
// reduced to per-row statistics, and formed again in backward; the N x N matrix never exists.
#include "../pairwise_contrast.h"

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

#include <algorithm>
#include <cmath>

namespace {
using namespace ariigcn;
using torch::headeronly::ScalarType;
using torch::stable::Tensor;

constexpr int64_t kTileRows = 128;

// Statistics of row i from its similarities; `stats` has stride `rows.size` between statistics.
template <typename value_t>
void reduce_row(const ContrastRows<value_t>& rows, int64_t i, const value_t* similarity,
                value_t* stats) {
  double total[kNumStats] = {};
  value_t largest[3];
  std::fill(largest, largest + 3, -kInfinity<value_t>);
  for (int64_t j = 0; j < rows.size; ++j) {
    const PairKind kind = rows.kind(i, j);
    largest[kind] = std::max(largest[kind], similarity[j]);
  }
  for (int64_t j = 0; j < rows.size; ++j) {
    const PairKind kind = rows.kind(i, j);
    if (kind == kIgnored) continue;
    const value_t s = similarity[j];
    const int offset = kind == kNegative;
    total[kCountPos + offset] += 1;
    total[kSumPos + offset] += s;
    total[kLsePos + offset] += std::exp((s - largest[kind]) * rows.inv_temperature);
    total[kMarginPos + offset] += rows.penalty(kind, s);
  }
  for (const int offset : {0, 1})
    if (total[kCountPos + offset] > 0)
      total[kLsePos + offset] = std::log(total[kLsePos + offset]) +
                                double(largest[kPositive + offset]) * rows.inv_temperature;
  for (int k = 0; k < kNumStats; ++k) stats[k * rows.size + i] = value_t(total[k]);
}

struct Arguments {
  const Tensor &label, &modality, &utterance;
  int64_t positives, negatives;
  double temperature, margin;

  template <typename value_t>
  ContrastRows<value_t> group(int64_t g, int64_t size) const {
    const auto at = [&](const Tensor& t) { return t.const_data_ptr<int64_t>() + g * size; };
    return {size,
            at(label),
            at(modality),
            at(utterance),
            {positives, negatives},
            value_t(1 / temperature),
            value_t(margin)};
  }
};

// Calls `work(i, similarities of row i)` for all rows of the tile and returns the tile.
template <typename value_t, typename Work>
Tensor for_tile(const Tensor& z, const Tensor& z_t, int64_t first, const Work& work) {
  const int64_t count = std::min(kTileRows, z.size(0) - first), size = z.size(0);
  Tensor rows = z;
  Tensor tile = torch::stable::matmul(torch::stable::narrow(rows, 0, first, count), z_t);
  auto* similarity = tile.mutable_data_ptr<value_t>();
  torch::stable::parallel_for(0, count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) work(first + r, similarity + r * size);
  });
  return tile;
}

template <typename value_t>
void forward(const Tensor& z, const Arguments& arguments, Tensor& stats) {
  const int64_t size = z.size(1);
  for (int64_t g = 0; g < z.size(0); ++g) {
    const auto rows = arguments.group<value_t>(g, size);
    auto* out = stats.mutable_data_ptr<value_t>() + g * kNumStats * size;
    const Tensor zg = torch::stable::select(z, 0, g), zg_t = torch::stable::transpose(zg, 0, 1);
    for (int64_t first = 0; first < size; first += kTileRows)
      for_tile<value_t>(zg, zg_t, first, [&](int64_t i, const value_t* similarity) {
        reduce_row(rows, i, similarity, out);
      });
  }
}

template <typename value_t>
void backward(const Tensor& grad, const Tensor& stats, const Tensor& z, const Arguments& arguments,
              Tensor& grad_z) {
  const int64_t size = z.size(1);
  for (int64_t g = 0; g < z.size(0); ++g) {
    const auto rows = arguments.group<value_t>(g, size);
    const auto* dout = grad.const_data_ptr<value_t>() + g * kNumStats * size;
    const auto* out = stats.const_data_ptr<value_t>() + g * kNumStats * size;
    const Tensor zg = torch::stable::select(z, 0, g), zg_t = torch::stable::transpose(zg, 0, 1);
    Tensor grad_g = torch::stable::select(grad_z, 0, g);
    for (int64_t first = 0; first < size; first += kTileRows) {
      const Tensor tile = for_tile<value_t>(zg, zg_t, first, [&](int64_t i, value_t* similarity) {
        for (int64_t j = 0; j < size; ++j)
          similarity[j] = rows.similarity_grad(i, j, similarity[j], dout, out);
      });
      Tensor target = torch::stable::narrow(grad_g, 0, first, tile.size(0));
      torch::stable::copy_(target, torch::stable::matmul(tile, zg));
    }
  }
}

Tensor pairwise_contrast(const Tensor& z, const Tensor& label, const Tensor& modality,
                         const Tensor& utterance, int64_t positives, int64_t negatives,
                         double temperature, double margin) {
  const Arguments arguments{label, modality, utterance, positives, negatives, temperature, margin};
  Tensor stats = torch::stable::new_empty(z, {z.size(0), kNumStats, z.size(1)});
  if (z.scalar_type() == ScalarType::Double)
    forward<double>(z, arguments, stats);
  else
    forward<float>(z, arguments, stats);
  return stats;
}

Tensor pairwise_contrast_backward(const Tensor& grad, const Tensor& stats, const Tensor& z,
                                  const Tensor& label, const Tensor& modality,
                                  const Tensor& utterance, int64_t positives, int64_t negatives,
                                  double temperature, double margin) {
  const Arguments arguments{label, modality, utterance, positives, negatives, temperature, margin};
  Tensor grad_z = torch::stable::empty_like(z);
  if (z.scalar_type() == ScalarType::Double)
    backward<double>(grad, stats, z, arguments, grad_z);
  else
    backward<float>(grad, stats, z, arguments, grad_z);
  return grad_z;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ariigcn, CPU, m) {
  m.impl("pairwise_contrast", TORCH_BOX(&pairwise_contrast));
  m.impl("pairwise_contrast_backward", TORCH_BOX(&pairwise_contrast_backward));
}
