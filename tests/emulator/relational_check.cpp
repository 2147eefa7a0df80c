// Runs the relational attention, forward and backward, on a small dialogue, on a graph whose
// sources fit no window, with every way to multiply, and with every edge taken for one of a hub.
// Built with ThreadSanitizer, it ends with an error if two CUDA threads touch one address, one of
// them writing, without a barrier between; with AddressSanitizer, at an access out of bounds. It
// prints the mean size of every result, so that two builds can be compared.
#include <bit>
#include <cmath>
#include <cstdio>
#include <vector>

#include "relational.h"

namespace {

constexpr int64_t kRels = 2, kModalities = 1, kHeads = 2, kGroups = kModalities * kHeads;
constexpr int64_t kOut = 9;
constexpr int kFloat = 0, kBfloat16 = 3;

// Every target hears the source before it and itself in relation 0, the one `reach` after in 1.
struct Dialogue {
  std::vector<int32_t> indptr{0}, indices, seg_ptr{0}, seg_dst, seg_rel, edge_seg, t_indptr, t_eids;
  std::vector<int32_t> rel_ptr{0}, seg_order, dst_order, components;
  std::vector<int32_t> plan;  // all of them

  Dialogue(int64_t nodes, int64_t reach) {
    for (int64_t i = 0; i < nodes; ++i) {
      if (i > 0) indices.push_back(i - 1), edge_seg.push_back(seg_dst.size());
      indices.push_back(i), edge_seg.push_back(seg_dst.size());
      close_segment(i, 0);
      if (i + reach < nodes) {
        indices.push_back(i + reach), edge_seg.push_back(seg_dst.size());
        close_segment(i, 1);
      }
      indptr.push_back(indices.size());
      dst_order.push_back(nodes - 1 - i);
    }
    for (int64_t j = 0; j < nodes; ++j) {
      t_indptr.push_back(t_eids.size());
      for (size_t e = 0; e < indices.size(); ++e)
        if (indices[e] == j) t_eids.push_back(e);
    }
    t_indptr.push_back(t_eids.size());
    for (int64_t r = 0; r < kRels; ++r) {
      for (size_t p = 0; p < seg_rel.size(); ++p)
        if (seg_rel[p] == r) seg_order.push_back(p);
      rel_ptr.push_back(seg_order.size());
    }
    components = {0, int32_t(nodes)};
    for (const auto* array : {&indptr, &indices, &seg_ptr, &seg_dst, &seg_rel, &edge_seg, &t_indptr,
                              &t_eids, &rel_ptr, &seg_order, &dst_order, &components})
      plan.insert(plan.end(), array->begin(), array->end());
  }
  int64_t nodes() const { return indptr.size() - 1; }
  int64_t edges() const { return indices.size(); }
  int64_t segments() const { return seg_dst.size(); }

 private:
  void close_segment(int64_t dst, int64_t rel) {
    seg_ptr.push_back(indices.size());
    seg_dst.push_back(dst);
    seg_rel.push_back(rel);
  }
};

// Floats, or bfloat16s that are the floats cut off.
class Array {
 public:
  Array(int dtype, int64_t count, float scale = 0)
      : floats_(dtype == kFloat ? count : 0), halves_(dtype == kFloat ? 0 : count) {
    for (int64_t k = 0; k < count; ++k) {
      const float value = scale * (float(k * 37 % 101) / 50 - 1);
      if (dtype == kFloat)
        floats_[k] = value;
      else
        halves_[k] = std::bit_cast<uint32_t>(value) >> 16;
    }
  }
  void* data() { return floats_.empty() ? static_cast<void*>(halves_.data()) : floats_.data(); }

  double mean_size() const {
    double sum = 0;
    for (const float x : floats_) sum += std::fabs(x);
    for (const uint16_t x : halves_) sum += std::fabs(std::bit_cast<float>(uint32_t(x) << 16));
    return sum / double(floats_.size() + halves_.size());
  }

 private:
  std::vector<float> floats_;
  std::vector<uint16_t> halves_;
};

struct Widths {
  int64_t in, attn;
};

int run(const Dialogue& d, int dtype, int64_t activation, int64_t precision, Widths widths) {
  const int64_t in = widths.in, attn = widths.attn, pitch = (attn + 15) / 16 * 16;
  const int64_t n = d.nodes(), segments = d.segments(), projection = kGroups * in * attn;
  const int64_t seed = 5, bias_size = kGroups * kRels * attn, weights = kGroups * kRels * in;
  const auto array = [&](int64_t count, float scale = 0) { return Array(dtype, count, scale); };
  Array feat = array(kModalities * n * in, 1), weight_dst = array(projection, 0.5f),
        weight_src = array(projection, -0.5f), score = array(kGroups * attn, 1),
        bias = array(bias_size, 0.5f), edge_weight = array(d.edges(), 1),
        rel_weight = array(weights * kOut, 0.5f);
  Array out = array(kGroups * n * kOut), alpha = array(kGroups * d.edges()),
        u = array(kGroups * n * pitch), v = array(kGroups * n * pitch),
        gelu_grad = array(kGroups * n * kOut);
  const RelationalSizes sizes{{n, n, d.edges(), segments, kRels, 1},
                              kModalities,
                              kHeads,
                              in,
                              attn,
                              pitch,
                              kOut,
                              activation,
                              1,
                              1,
                              activation % 2,  // within_relation
                              precision,
                              1};
  const RelationalTensors tensors{
      d.plan.data(),     &seed,        feat.data(), feat.data(),        weight_dst.data(),
      weight_src.data(), score.data(), bias.data(), edge_weight.data(), rel_weight.data(),
      out.data(),        alpha.data(), u.data(),    v.data(),           gelu_grad.data()};
  int error = relational_forward(dtype, &sizes, &tensors, 0.1, 0.7);

  Array grad_out = array(kGroups * n * kOut, 1), grad_alpha = array(kGroups * d.edges(), 1);
  Array by[] = {
      array(kModalities * n * in), array(projection), array(projection), array(kGroups * attn),
      array(weights * kOut),       array(bias_size),  array(d.edges())};
  const RelationalGrads grads{grad_out.data(), grad_alpha.data(), nullptr,      by[0].data(),
                              by[1].data(),    by[2].data(),      by[3].data(), by[4].data(),
                              by[5].data(),    by[6].data()};
  error |= relational_backward(dtype, &sizes, &tensors, 0.1, 0.7, &grads);
  std::printf("%.4g %.4g", out.mean_size(), alpha.mean_size());
  for (const Array& one : by) std::printf(" %.4g", one.mean_size());
  std::printf("\n");
  return error;
}

}  // namespace

int main() {
  constexpr int64_t kLeakyRelu = 0, kTanh = 1, kIeee = 0, kTf32x3 = 1, kTf32 = 2;
  set_max_blocks(2);  // each takes several tiles in turn, and its shared memory again and again
  const Dialogue near(18, 1), far(66, 60);
  const Widths narrow{19, 5}, wide{133, 133};  // wide: more columns than a window holds at once
  const Widths scored{3, 80};  // scores of halves from several steps, small as few features are
  int error =
      run(near, kFloat, kLeakyRelu, kTf32x3, wide) | run(near, kFloat, kTanh, kTf32, narrow) |
      run(near, kBfloat16, kLeakyRelu, kIeee, scored) | run(far, kFloat, kLeakyRelu, kIeee, narrow);
  set_many_tiles(0);  // all tiles are large
  error |= run(near, kBfloat16, kLeakyRelu, kIeee, narrow);
  set_most_block_edges(5, 0);  // all blocks are hubs', of more than one chunk of edges
  error |= run(Dialogue(90, 1), kFloat, kTanh, kIeee, narrow);
  return error;
}
