// Edges in the order of a graph's: sorted by target, relation and source.
#include "counting_sort.h"

#include <torch/csrc/stable/library.h>

#include <tuple>
#include <utility>
#include <vector>

#include "../graph_checks.h"
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

bool rise(const int64_t* numbers, int64_t size) {
  int64_t signs = 0;
#pragma omp simd reduction(| : signs)
  for (int64_t k = 1; k < size; ++k) signs |= numbers[k] - numbers[k - 1];
  return signs >= 0;
}

// Where the edges of each target begin, and which they are, as they came.
void sort_by_target(const int64_t* dst, int64_t edges, int64_t num_dst, int64_t* begin,
                    int64_t* order) {
  if (!rise(dst, edges))
    return counting_sort([=](int64_t e) { return dst[e]; }, edges, num_dst, begin, order);
  std::fill(begin, begin + num_dst + 1, 0);
  for (int64_t e = 0; e < edges; ++e) {
    begin[dst[e] + 1] = e + 1;
    order[e] = e;
  }
  for (int64_t i = 0; i < num_dst; ++i) begin[i + 1] = std::max(begin[i + 1], begin[i]);
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

// Edges as they come, and where they go: where each target's begin, which they were, their sources
// and relations.
struct Edges {
  const int64_t *src, *dst, *rel;
  int64_t count, num_src, num_dst, num_rels;
  int64_t *begin, *edge, *source, *relation;
};

// By the last key first: each sort leaves edges of one key in the order of the one before. All
// edges are read in any order, which is quick while they lie near the core.
void sort_few(const Edges& in) {
  std::vector<int32_t> by_source(in.count), by_rel(in.count),
      offsets(std::max(in.num_src, in.num_rels) + 1);
  counting_sort([&](int64_t e) { return in.src[e]; }, in.count, in.num_src, offsets.data(),
                by_source.data());
  counting_sort([&](int64_t e) { return in.rel[e]; }, in.count, in.num_rels, offsets.data(),
                by_rel.data(), [&](int64_t k) { return by_source[k]; });
  counting_sort([&](int64_t e) { return in.dst[e]; }, in.count, in.num_dst, in.begin, in.edge,
                [&](int64_t k) { return by_rel[k]; });
  for (int64_t k = 0; k < in.count; ++k) {
    in.source[k] = in.src[in.edge[k]];
    in.relation[k] = in.rel[in.edge[k]];
  }
}

// By target, and then each target's.
void sort_many(const Edges& in) {
  sort_by_target(in.dst, in.count, in.num_dst, in.begin, in.edge);
  constexpr int bits = 31;  // of a source; a key is a relation and a source
  for (int64_t k = 0; k < in.count; ++k)
    in.source[k] = in.rel[in.edge[k]] << bits | in.src[in.edge[k]];
  KeySort keys;
  for (int64_t i = 0; i < in.num_dst; ++i)
    keys.sort(in.source + in.begin[i], in.edge + in.begin[i], in.begin[i + 1] - in.begin[i]);
  for (int64_t k = 0; k < in.count; ++k) {
    in.relation[k] = in.source[k] >> bits;
    in.source[k] &= (int64_t(1) << bits) - 1;
  }
}

// Edges by target, within it by relation, within that by source, those alike as they came.
std::tuple<Tensor, Tensor, Tensor, Tensor> sorted_edges(const Tensor& src, const Tensor& dst,
                                                        const Tensor& etypes, int64_t num_src,
                                                        int64_t num_dst, int64_t num_rels) {
  const Checks check("sorted_edges", src);
  const int64_t edges = src.numel();
  check.int64("src", src, {edges});
  check.int64("dst", dst, {edges});
  check.int64("etypes", etypes, {edges});
  check.require(num_rels >= 0 && num_rels <= kMostRels, "num_rels must lie in [0, 2^20]");
  check.require(
      std::min(num_src, num_dst) >= 0 && std::max({num_src, num_dst, edges}) <= kMostIndices,
      "a graph has at most 2^31 - 1 nodes and edges");
  require_within(check, "src", src, num_src);
  require_within(check, "dst", dst, num_dst);
  require_within(check, "etypes", etypes, num_rels);
  Tensor indptr = empty_index(num_dst + 1), order = empty_index(edges),
         indices = empty_index(edges), rels = empty_index(edges);
  const auto at = [](const Tensor& t) { return t.const_data_ptr<int64_t>(); };
  const auto to = [](Tensor& t) { return t.mutable_data_ptr<int64_t>(); };
  const Edges in{at(src),  at(dst),    at(etypes), edges,       num_src, num_dst,
                 num_rels, to(indptr), to(order),  to(indices), to(rels)};
  constexpr int64_t few = 1 << 16;
  edges <= few ? sort_few(in) : sort_many(in);
  return {indptr, order, indices, rels};
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ariigcn, CPU, m) {
  m.impl("counting_sort", TORCH_BOX(&counting_sort_op));
  m.impl("sorted_edges", TORCH_BOX(&sorted_edges));
}
