// How an operator's tensors lie while it is computed: where there are several heads, those of
// (groups, ...) have the numbers of a bundle's heads side by side, (..., heads), in the place of
// the bundle's groups.
#pragma once

#include "pass.h"
#include "transform_first.h"

namespace ariigcn::ARIIGCN_ISA {

// What lies at `from` for every group, `size` numbers of each, moved there or, if `back`, back.
template <typename T>
void arrange(const RelationalAttention<T>& op, const T* from, int64_t size, T* to, bool back) {
  constexpr int64_t piece = 1 << 14;
  for_bundles<T>(op, [&](int64_t g, int64_t heads) {
    run_ranges(size, piece, [&](int64_t first, int64_t last) {
      const int64_t apart = g * size + first, together = g * size + first * heads;
      if (heads == 1)
        std::copy_n(from + apart, last - first, to + apart);
      else if (back)
        separate(from + together, size, heads, last - first, to + apart);
      else
        interleave(from + apart, size, heads, last - first, to + together);
    });
  });
}

// A tensor of so many numbers for every group as the kernels read or write it.
template <typename T>
class SideBySideTensor {
 public:
  SideBySideTensor(const RelationalAttention<T>& op, int64_t size, bool several)
      : op_(op), size_(size), data_(several ? op.groups * size + kLanes<T> : 0), used_(several) {}

  const T* of(const T* given) const {
    if (!used_ || given == nullptr) return given;
    arrange<T>(op_, given, size_, data_, false);
    return data_;
  }
  T* instead_of(T* given) const { return used_ && given != nullptr ? data_ + 0 : given; }
  void put_back(T* given) const {
    if (used_ && given != nullptr) arrange<T>(op_, data_, size_, given, true);
  }

 private:
  const RelationalAttention<T>& op_;
  int64_t size_;
  Buffer<T> data_;
  bool used_;
};

// The inputs of both passes.
template <typename T>
struct ArrangedInputs {
  const RelationalAttention<T>& given;
  const int64_t matrix = given.in_feats * given.attn_feats, rels = given.graph.num_rels;
  const bool several = given.heads > 1, together = transforms_first(given);
  const SideBySideTensor<T> weight_dst{given, matrix, several}, weight_src{given, matrix, several},
      score{given, given.attn_feats, several}, bias{given, rels * given.attn_feats, several};
  const SideBySideTensor<T> rel_weight{given, rels * given.in_feats * given.out_feats, together};

  RelationalAttention<T> op() const {
    RelationalAttention<T> op = given;
    op.transforms_first = together;
    op.weight_dst = weight_dst.of(op.weight_dst);
    op.weight_src = weight_src.of(op.weight_src);
    op.score = score.of(op.score);
    op.bias = bias.of(op.bias);
    op.rel_weight = rel_weight.of(op.rel_weight);
    return op;
  }
};

template <typename T>
class Arranged {
 public:
  explicit Arranged(const RelationalAttention<T>& given)
      : inputs_{given},
        out_(given, given.graph.num_dst * given.out_feats, inputs_.together),
        alpha_(given, given.graph.num_edges, inputs_.several),
        op(inputs_.op()) {
    op.out = out_.instead_of(op.out);
    op.alpha = alpha_.instead_of(op.alpha);
  }
  void put_back() const {
    out_.put_back(inputs_.given.out);
    alpha_.put_back(inputs_.given.alpha);
  }

 private:
  const ArrangedInputs<T> inputs_;
  const SideBySideTensor<T> out_, alpha_;

 public:
  RelationalAttention<T> op;
};

template <typename T>
class ArrangedGrad {
 public:
  explicit ArrangedGrad(const RelationalAttentionGrad<T>& given)
      : given_(given),
        inputs_{given.forward},
        out_(given.forward, given.forward.graph.num_dst * given.forward.out_feats,
             inputs_.together),
        alpha_(given.forward, given.forward.graph.num_edges, inputs_.several),
        by_alpha_(given.forward, given.forward.graph.num_edges,
                  inputs_.several && given.grad_alpha != nullptr),
        weight_dst_(given.forward, inputs_.matrix, inputs_.several),
        weight_src_(given.forward, inputs_.matrix, inputs_.several),
        score_(given.forward, given.forward.attn_feats, inputs_.several),
        bias_(given.forward, inputs_.rels * given.forward.attn_feats,
              inputs_.several && given.bias != nullptr),
        rel_weight_(given.forward, inputs_.rels * given.forward.in_feats * given.forward.out_feats,
                    inputs_.together),
        op(given) {
    op.forward = inputs_.op();
    op.forward.alpha = const_cast<T*>(alpha_.of(given.forward.alpha));  // which is read only
    op.grad_out = out_.of(given.grad_out);
    op.grad_alpha = by_alpha_.of(given.grad_alpha);
    op.weight_dst = weight_dst_.instead_of(given.weight_dst);
    op.weight_src = weight_src_.instead_of(given.weight_src);
    op.score = score_.instead_of(given.score);
    op.bias = bias_.instead_of(given.bias);
    op.rel_weight = rel_weight_.instead_of(given.rel_weight);
  }
  void put_back() const {
    weight_dst_.put_back(given_.weight_dst);
    weight_src_.put_back(given_.weight_src);
    score_.put_back(given_.score);
    bias_.put_back(given_.bias);
    rel_weight_.put_back(given_.rel_weight);
  }

 private:
  const RelationalAttentionGrad<T>& given_;
  const ArrangedInputs<T> inputs_;
  const SideBySideTensor<T> out_, alpha_, by_alpha_, weight_dst_, weight_src_, score_, bias_,
      rel_weight_;

 public:
  RelationalAttentionGrad<T> op;
};

}  // namespace ariigcn::ARIIGCN_ISA
