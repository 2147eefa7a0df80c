// The plan of edges in any order, which are sorted by target, relation and source.
#include "csr_plan.h"

#include <torch/csrc/stable/library.h>

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "counting_sort.h"
#include "index_tensor.h"

namespace {
using namespace ariigcn;
using torch::stable::Tensor;

std::tuple<Tensor, Tensor> counting_sort_op(const Tensor& keys, int64_t num_keys) {
  const Checks check("counting_sort", keys);
  check.int64("keys", keys, {keys.numel()});
  check.require(num_keys >= 0, "num_keys must not be negative");
  check.within("keys", keys, num_keys);
  Tensor offsets = empty_index(num_keys + 1);
  Tensor order = empty_index(keys.numel());
  const auto* key = keys.const_data_ptr<int64_t>();
  counting_sort([=](int64_t e) { return key[e]; }, keys.numel(), num_keys,
                offsets.mutable_data_ptr<int64_t>(), order.mutable_data_ptr<int64_t>());
  return {offsets, order};
}

bool rise(const int32_t* numbers, int64_t size) {
  int32_t falls = 0;
#pragma omp simd reduction(| : falls)
  for (int64_t k = 1; k < size; ++k) falls |= numbers[k] < numbers[k - 1];
  return falls == 0;
}

// Edges as they come, and where they go: where each target's begin, which they were, their sources
// and relations.
struct Edges {
  Indices src, dst, rel;
  int64_t count, num_src, num_dst, num_rels;
  Indices begin, source, relation;
  int64_t* edge;
};

constexpr int64_t kFewEdges = 1 << 16;  // which 16 bits number

// By the last key first: each sort leaves edges of one key in the order of the one before. All
// edges are read in any order, which is quick while they lie near the core.
void sort_few(const Edges& in) {
  std::vector<uint16_t> by_source(in.count), sorted(in.count);
  std::vector<int32_t> offsets(in.num_src + 1);
  counting_sort([&](int64_t e) { return in.src[e]; }, in.count, in.num_src, offsets.data(),
                by_source.data());
  const int64_t pairs = in.num_dst * in.num_rels;
  if (pairs <= 4 * in.count) {  // counting them takes less than another sort
    offsets.resize(pairs + 1);
    counting_sort([&](int64_t e) { return in.dst[e] * in.num_rels + in.rel[e]; }, in.count, pairs,
                  offsets.data(), sorted.data(), [&](int64_t k) { return by_source[k]; });
    for (int64_t i = 0; i <= in.num_dst; ++i) in.begin[i] = offsets[i * in.num_rels];
  } else {
    std::vector<uint16_t> by_rel(in.count);
    offsets.resize(in.num_rels + 1);
    counting_sort([&](int64_t e) { return in.rel[e]; }, in.count, in.num_rels, offsets.data(),
                  by_rel.data(), [&](int64_t k) { return by_source[k]; });
    counting_sort([&](int64_t e) { return in.dst[e]; }, in.count, in.num_dst, in.begin.get(),
                  sorted.data(), [&](int64_t k) { return by_rel[k]; });
  }
  for (int64_t k = 0; k < in.count; ++k) {
    const int64_t e = sorted[k];
    in.edge[k] = e;
    in.source[k] = in.src[e];
    in.relation[k] = in.rel[e];
  }
}

// Where the edges of each target begin, and which they are, as they came.
void sort_by_target(const Edges& in) {
  if (!rise(in.dst.get(), in.count))
    return counting_sort([&](int64_t e) { return in.dst[e]; }, in.count, in.num_dst, in.begin.get(),
                         in.edge);
  std::fill_n(in.begin.get(), in.num_dst + 1, 0);
  for (int64_t e = 0; e < in.count; ++e) {
    in.begin[in.dst[e] + 1] = int32_t(e + 1);
    in.edge[e] = e;
  }
  for (int64_t i = 0; i < in.num_dst; ++i) in.begin[i + 1] = std::max(in.begin[i + 1], in.begin[i]);
}

// Sorts keys, and with them the edges that have them; equal ones stay as they are. Without a branch
// on what a key is where there are few: each goes where as many are before it.
class KeySort {
 public:
  void sort(int64_t* keys, int64_t* edges, int64_t count) {
    entries_.resize(count);
    for (int64_t k = 0; k < count; ++k) entries_[k] = {keys[k], edges[k]};
    if (count > kFew) {
      std::stable_sort(entries_.begin(), entries_.end(),
                       [](const auto& a, const auto& b) { return a.first < b.first; });
      for (int64_t k = 0; k < count; ++k) std::tie(keys[k], edges[k]) = entries_[k];
      return;
    }
    int64_t place[kFew];
    for (int64_t k = 0; k < count; ++k) {
      int64_t before = 0;
      for (int64_t j = 0; j < k; ++j) before += keys[j] <= keys[k];
      for (int64_t j = k + 1; j < count; ++j) before += keys[j] < keys[k];
      place[k] = before;
    }
    for (int64_t k = 0; k < count; ++k) std::tie(keys[place[k]], edges[place[k]]) = entries_[k];
  }

 private:
  static constexpr int64_t kFew = 32;
  std::vector<std::pair<int64_t, int64_t>> entries_;
};

// By target, and then each target's.
void sort_many(const Edges& in) {
  sort_by_target(in);
  constexpr int bits = 31;  // of a source; a key is a relation and a source
  const auto keys = std::make_unique_for_overwrite<int64_t[]>(in.count);
  for (int64_t k = 0; k < in.count; ++k)
    keys[k] = int64_t(in.rel[in.edge[k]]) << bits | in.src[in.edge[k]];
  KeySort sort;
  for (int64_t i = 0; i < in.num_dst; ++i)
    sort.sort(keys.get() + in.begin[i], in.edge + in.begin[i], in.begin[i + 1] - in.begin[i]);
  for (int64_t k = 0; k < in.count; ++k) {
    in.relation[k] = int32_t(keys[k] >> bits);
    in.source[k] = int32_t(keys[k] & ((int64_t(1) << bits) - 1));
  }
}

// Edges by target, within it by relation, within that by source, those alike as they came.
std::tuple<Tensor, Tensor, Tensor> edge_plan(const Tensor& src, const Tensor& dst,
                                             const Tensor& etypes, int64_t num_src, int64_t num_dst,
                                             int64_t num_rels) {
  const Checks check("edge_plan", src);
  const int64_t edges = src.numel();
  check.int64("src", src, {edges});
  check.int64("dst", dst, {edges});
  check.int64("etypes", etypes, {edges});
  check_counts(check, num_dst, num_src, edges, num_rels);
  Tensor order = empty_index(edges);
  const Edges in{narrowed(check, "src", src, num_src),
                 narrowed(check, "dst", dst, num_dst),
                 narrowed(check, "etypes", etypes, num_rels),
                 edges,
                 num_src,
                 num_dst,
                 num_rels,
                 new_indices(num_dst + 1),
                 new_indices(edges),
                 new_indices(edges),
                 order.mutable_data_ptr<int64_t>()};
  edges <= kFewEdges ? sort_few(in) : sort_many(in);
  const auto [plan, facts] = plan_of_rows(
      {in.begin.get(), in.source.get(), in.relation.get(), num_dst, num_src, num_rels}, true);
  return {order, plan, facts};
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ariigcn, CPU, m) {
  m.impl("counting_sort", TORCH_BOX(&counting_sort_op));
  m.impl("edge_plan", TORCH_BOX(&edge_plan));
}
