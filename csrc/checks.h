// What the operators' entry points demand of tensors. The functions of ariigcn_dgl.ops and graph
// give them nothing else; a direct call of torch.ops.ariigcn.* that does not fit raises instead of
// reading other memory. Types, shapes and layouts are checked on every device; values of indices on
// the CPU only, since elsewhere the host would wait for them.
#pragma once

#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/core/ScalarType.h>
#include <torch/headeronly/util/Exception.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <optional>

namespace ariigcn {

// Of rows and columns, which CUDA kernels number with 32 bits, looking some tiles beyond the last.
constexpr int64_t kMostNumbers = INT32_MAX - 4096;

class Checks {
 public:
  using Tensor = torch::stable::Tensor;
  using ScalarType = torch::headeronly::ScalarType;

  // `like` decides device and dtype of `values`.
  Checks(const char* op, const Tensor& like)
      : op_(op),
        type_(like.scalar_type()),
        cuda_(like.is_cuda()),
        index_(like.get_device_index()) {}

  // `like` must have so many dimensions, before its sizes are asked for.
  static void dim(const char* op, const char* name, const Tensor& t, int64_t dim) {
    STD_TORCH_CHECK(t.dim() == dim, op, ": ", name, " must have ", dim, " dimensions, got ",
                    t.dim());
  }
  void floating() const {
    STD_TORCH_CHECK(type_ == ScalarType::Double || type_ == ScalarType::Float ||
                        type_ == ScalarType::Half || type_ == ScalarType::BFloat16,
                    op_, ": a floating dtype is needed");
  }
  // Kernels of the CPU that know no halves.
  void float_or_double() const {
    STD_TORCH_CHECK(type_ == ScalarType::Double || type_ == ScalarType::Float, op_,
                    ": float32 or float64 is needed");
  }

  void values(const char* name, const Tensor& t, std::initializer_list<int64_t> shape) const {
    placed(name, t, type_, shape);
  }
  void values(const char* name, const std::optional<Tensor>& t,
              std::initializer_list<int64_t> shape) const {
    if (t) values(name, *t, shape);
  }
  void int64(const char* name, const Tensor& t, std::initializer_list<int64_t> shape) const {
    placed(name, t, ScalarType::Long, shape);
  }

  void require(bool met, const char* demand) const { STD_TORCH_CHECK(met, op_, ": ", demand); }
  // Every one of so many indices lies in [0, end).
  template <typename Indices>
  void within(const char* name, const Indices& at, int64_t size, int64_t end) const {
    int64_t low = 0, high = -1;
    for (int64_t i = 0; i < size; ++i) {
      const int64_t index = at[i];
      low = std::min(low, index), high = std::max(high, index);
    }
    STD_TORCH_CHECK(low >= 0 && high < end, op_, ": ", name, " must lie in [0, ", end, ")");
  }
  void within(const char* name, const Tensor& t, int64_t end) const {
    within(name, t.const_data_ptr<int64_t>(), t.numel(), end);
  }
  // Bounds of consecutive ranges: from 0 to `end`, never falling.
  template <typename Indices>
  void bounds(const char* name, const Indices& at, int64_t size, int64_t end) const {
    bool rising = size > 0 && at[0] == 0 && at[size - 1] == end;
    for (int64_t i = 1; i < size; ++i) rising &= at[i] >= at[i - 1];
    STD_TORCH_CHECK(rising, op_, ": ", name, " must rise from 0 to ", end);
  }

  // Rows that lie side by side, of a view that may have gaps between them.
  void rows(const char* name, const Tensor& t, std::initializer_list<int64_t> shape) const {
    shaped(name, t, type_, shape);
    const int64_t last = t.dim() - 1;
    STD_TORCH_CHECK(t.size(last) <= 1 || t.stride(last) == 1, op_, ": the rows of ", name,
                    " must be contiguous");
  }

  void placed(const char* name, const Tensor& t, ScalarType type,
              std::initializer_list<int64_t> shape) const {
    shaped(name, t, type, shape);
    STD_TORCH_CHECK(t.is_contiguous(), op_, ": ", name, " must be contiguous");
  }

 private:
  void shaped(const char* name, const Tensor& t, ScalarType type,
              std::initializer_list<int64_t> shape) const {
    STD_TORCH_CHECK(t.is_cuda() == cuda_ && t.get_device_index() == index_, op_, ": ", name,
                    " must be on the device of the others");
    STD_TORCH_CHECK(t.scalar_type() == type, op_, ": ", name, " has another dtype than expected");
    const auto sizes = t.sizes();
    STD_TORCH_CHECK(std::equal(sizes.begin(), sizes.end(), shape.begin(), shape.end()), op_, ": ",
                    name, " has another shape than expected");
  }

  const char* op_;
  ScalarType type_;
  bool cuda_;
  int32_t index_;
};

}  // namespace ariigcn
