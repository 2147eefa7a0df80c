// Pairwise contrast on the CPU: sorts the rows, provides the memory and calls the kernels.
#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/tensor.h>

#include "../contrast_loss.h"
#include "contrast_order.h"
#include "kernels.h"

namespace {
using namespace ariigcn;
using torch::headeronly::ScalarType;
using torch::stable::Tensor;

// The kernels' arguments and what they point into.
template <typename T>
class Call {
 public:
  Call(const ContrastInputs& in, bool backward)
      : arguments{in.z.size(0),
                  in.z.size(1),
                  in.z.size(2),
                  0,
                  nullptr,
                  in.rule,
                  KindTable(in.rule),
                  T(1 / in.temperature),
                  T(in.margin),
                  nullptr,
                  nullptr,
                  nullptr,
                  nullptr} {
    sort_rows(in);
    const int64_t rows = arguments.num_groups * arguments.pitch;
    const int64_t width = (arguments.width + kWidestVector - 1) / kWidestVector * kWidestVector;
    T* packed = workspace<T>(in.z, rows * width * (backward ? 2 : 1));
    arguments.square = workspace<T>(in.z, rows / kContrastBlock);
    for (int64_t g = 0; g < arguments.num_groups; ++g) {
      ContrastGroup<T>& group = groups_[g];
      group.z = in.z.const_data_ptr<T>() + g * arguments.size * arguments.width;
      const int64_t offset = g * arguments.pitch * width;
      group.columns = packed + offset;
      group.block_rows = backward ? packed + rows * width + offset : nullptr;
    }
  }

  // Memory of the allocator that torch's profiler sees, until the call is over.
  template <typename Value>
  Value* workspace(const Tensor& like, int64_t count) {
    const int64_t bytes = count * int64_t(sizeof(Value));
    memory_.push_back(torch::stable::new_empty(like, {bytes}, ScalarType::Byte));
    return static_cast<Value*>(memory_.back().mutable_data_ptr());
  }

  PairwiseContrast<T> arguments;

 private:
  static constexpr int64_t kWidestVector = 64 / sizeof(T);

  void sort_rows(const ContrastInputs& in) {
    const int64_t size = arguments.size;
    groups_.resize(arguments.num_groups);
    for (int64_t g = 0; g < arguments.num_groups; ++g) {
      const auto of_group = [&](const Tensor& ids) {
        return ids.const_data_ptr<int64_t>() + g * size;
      };
      const int64_t* ids[] = {of_group(in.label), of_group(in.modality), of_group(in.utterance)};
      orders_.push_back(contrast_order<T>(arguments.rule, ids, size));
      const ContrastOrder<T>& order = orders_.back();
      groups_[g].count = int64_t(order.position.size());
      groups_[g].position = order.position.data();
      for (int k = 0; k < kNumIds; ++k) groups_[g].id[k] = order.id[k].data();
      groups_[g].index = order.index.data();
      groups_[g].run_end = order.run_end.data();
      arguments.pitch = std::max(arguments.pitch, int64_t(order.index.size()));
    }
    arguments.group = groups_.data();
  }

  std::vector<ContrastOrder<T>> orders_;
  std::vector<ContrastGroup<T>> groups_;
  std::vector<Tensor> memory_;
};

template <typename T>
void run_forward(const ContrastInputs& in, Tensor& stats) {
  Call<T> call(in, false);
  PairwiseContrast<T>& arguments = call.arguments;
  const int64_t rows = arguments.num_groups * arguments.pitch;
  arguments.total = call.template workspace<double>(in.z, kNumStats * rows);
  std::fill_n(arguments.total, kNumStats * rows, 0.0);
  arguments.largest = call.template workspace<T>(in.z, 2 * rows);
  std::fill_n(arguments.largest, 2 * rows, -kInfinity<T>);
  arguments.stats = stats.mutable_data_ptr<T>();
  CALL_BEST_ISA(pairwise_contrast, arguments);
}

template <typename T>
void run_backward(const ContrastInputs& in, const Tensor& grad, const Tensor& stats,
                  Tensor& grad_z) {
  Call<T> call(in, true);
  const int64_t rows = call.arguments.num_groups * call.arguments.pitch;
  const PairwiseContrastGrad<T> arguments{
      call.arguments, grad.const_data_ptr<T>(), stats.const_data_ptr<T>(),
      call.template workspace<T>(in.z, 2 * kNumFactors * rows), grad_z.mutable_data_ptr<T>()};
  CALL_BEST_ISA(pairwise_contrast_backward, arguments);
}

void contrast(const ContrastInputs& in, Tensor& stats) {
  torch::stable::zero_(stats);  // rows without pairs are not visited
  if (in.z.scalar_type() == ScalarType::Double)
    run_forward<double>(in, stats);
  else
    run_forward<float>(in, stats);
}
void contrast_backward(const ContrastInputs& in, const Tensor& grad, const Tensor& stats,
                       Tensor& grad_z) {
  torch::stable::zero_(grad_z);
  if (in.z.scalar_type() == ScalarType::Double)
    run_backward<double>(in, grad, stats, grad_z);
  else
    run_backward<float>(in, grad, stats, grad_z);
}

// The same with other rows.
ContrastInputs with_rows(const ContrastInputs& in, const Tensor& z) {
  return {z,       in.label,       in.modality, in.utterance,
          in.rule, in.temperature, in.margin,   in.fp32_precision};
}

template <typename T>
T dot(const T* left, const T* right, int64_t width) {
  T sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t k = 0; k < width; ++k) sum += left[k] * right[k];
  return sum;
}

template <typename T>
void normalise(const Tensor& feat, const Tensor& label, Tensor& z, Tensor& inverse) {
  const int64_t rows = feat.size(0) * feat.size(1), width = feat.size(2);
  for (int64_t row = 0; row < rows; ++row) {
    const T* from = feat.const_data_ptr<T>() + row * width;
    T* to = z.mutable_data_ptr<T>() + row * width;
    const T scale = contrast_inverse(label.const_data_ptr<int64_t>()[row], dot(from, from, width));
    inverse.mutable_data_ptr<T>()[row] = scale;
    if (scale == 0) std::fill_n(to, width, T(0));  // what is left out may be no number
    for (int64_t k = 0; scale != 0 && k < width; ++k) to[k] = from[k] * scale;
  }
}

// Turns the gradient by rows of length 1 into that by the rows as given, times `scale`.
template <typename T>
void normalise_backward(const Tensor& z, const Tensor& inverse, T scale, Tensor& grad) {
  const int64_t rows = z.size(0) * z.size(1), width = z.size(2);
  for (int64_t row = 0; row < rows; ++row) {
    const T* unit = z.const_data_ptr<T>() + row * width;
    T* to = grad.mutable_data_ptr<T>() + row * width;
    const T of_row = inverse.const_data_ptr<T>()[row];
    const T along = contrast_turns(of_row) ? dot(unit, to, width) : T(0);
    for (int64_t k = 0; k < width; ++k) to[k] = (to[k] - along * unit[k]) * (of_row * scale);
  }
}

// The mean of the terms of all anchors, and the derivatives of their sum.
template <typename T>
void reduce_terms(const ContrastTerm<T>& term, ContrastLossTensors& out) {
  const int64_t groups = out.stats.size(0), size = out.stats.size(2);
  double total = 0, anchors = 0;
  for (int64_t g = 0; g < groups; ++g)
    for (int64_t row = 0; row < size; ++row) {
      const int64_t at = g * kNumStats * size + row;
      const T* stats = out.stats.const_data_ptr<T>() + at;
      const auto positive = ContrastSide<T>::load(stats, size);
      const auto negative = ContrastSide<T>::load(stats + size, size);
      ContrastSide<T> by_positive, by_negative;
      if (ContrastTerm<T>::is_anchor(positive, negative)) {
        total += term(positive, negative, by_positive, by_negative);
        ++anchors;
      }
      by_positive.store(out.slope.mutable_data_ptr<T>() + at, size);
      by_negative.store(out.slope.mutable_data_ptr<T>() + at + size, size);
    }
  *out.loss.mutable_data_ptr<T>() = T(total / std::max(anchors, 1.0));
  *out.anchors.mutable_data_ptr<T>() = T(anchors);
}

template <typename T>
void run_loss(const ContrastInputs& in, const LossKind& kind, ContrastLossTensors& out) {
  normalise<T>(in.z, in.label, out.z, out.inverse);
  contrast(with_rows(in, out.z), out.stats);
  reduce_terms(contrast_term<T>(in, kind), out);
}

template <typename T>
void run_loss_backward(const ContrastInputs& in, const Tensor& grad,
                       const ContrastLossTensors& saved, Tensor& grad_feat) {
  contrast_backward(with_rows(in, saved.z), saved.slope, saved.stats, grad_feat);
  const T anchors = std::max(*saved.anchors.const_data_ptr<T>(), T(1));
  normalise_backward(saved.z, saved.inverse, *grad.const_data_ptr<T>() / anchors, grad_feat);
}

struct Cpu {
  static void check(const Checks& check) { check.float_or_double(); }

  static void forward(const ContrastInputs& in, Tensor& stats) { contrast(in, stats); }
  static void backward(const ContrastInputs& in, const Tensor& grad, const Tensor& stats,
                       Tensor& grad_z) {
    contrast_backward(in, grad, stats, grad_z);
  }
  static void loss(const ContrastInputs& in, const LossKind& kind, ContrastLossTensors& out) {
    if (in.z.scalar_type() == ScalarType::Double)
      run_loss<double>(in, kind, out);
    else
      run_loss<float>(in, kind, out);
  }
  static void loss_backward(const ContrastInputs& in, const LossKind&, const Tensor& grad,
                            const ContrastLossTensors& saved, Tensor& grad_feat) {
    if (in.z.scalar_type() == ScalarType::Double)
      run_loss_backward<double>(in, grad, saved, grad_feat);
    else
      run_loss_backward<float>(in, grad, saved, grad_feat);
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ariigcn, CPU, m) {
  m.impl("pairwise_contrast", TORCH_BOX(&pairwise_contrast<Cpu>));
  m.impl("pairwise_contrast_backward", TORCH_BOX(&pairwise_contrast_backward<Cpu>));
  m.impl("contrast_loss", TORCH_BOX(&contrast_loss<Cpu>));
  m.impl("contrast_loss_backward", TORCH_BOX(&contrast_loss_backward<Cpu>));
}
