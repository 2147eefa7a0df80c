// Chooses and sorts the rows that take part in pairs: rows of equal identity become neighbours.
#pragma once

#include <algorithm>
#include <numeric>
#include <vector>

#include "pairwise_contrast_arguments.h"

namespace ariigcn {

// The rows of one group in the order that the kernels see.
template <typename T>
struct ContrastOrder {
  std::vector<int64_t> position, run_end;
  std::vector<code_t<T>> id[kNumIds], index;
};

// Small non-negative codes, equal where the values are.
inline std::vector<int64_t> dense_codes(std::vector<int64_t> values) {
  if (values.empty()) return values;
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const uint64_t base = uint64_t(*low), range = uint64_t(*high) - base;
  if (range < 4 * values.size() + 64) {
    for (int64_t& value : values) value = int64_t(uint64_t(value) - base);
    return values;
  }
  std::vector<int64_t> known = values;
  std::sort(known.begin(), known.end());
  known.erase(std::unique(known.begin(), known.end()), known.end());
  for (int64_t& value : values)
    value = std::lower_bound(known.begin(), known.end(), value) - known.begin();
  return values;
}

// A stable counting sort of `order` by code.
inline void sort_by(const std::vector<int64_t>& code, std::vector<int64_t>& order) {
  if (order.empty()) return;
  std::vector<int64_t> start(*std::max_element(code.begin(), code.end()) + 2);
  for (const int64_t c : code) ++start[c + 1];
  std::partial_sum(start.begin(), start.end(), start.begin());
  std::vector<int64_t> sorted(order.size());
  for (const int64_t row : order) sorted[start[code[row]]++] = row;
  order = std::move(sorted);
}

template <typename T>
bool same_identity(const ContrastOrder<T>& order, size_t i, size_t j) {
  if (j >= order.position.size()) return false;
  for (const auto& id : order.id)
    if (id[i] != id[j]) return false;
  return true;
}

// `ids` point at `size` classes, modalities and utterances. Of rows with a negative class none is
// taken; ids that the rule does not read are all the same.
template <typename T>
ContrastOrder<T> contrast_order(const PairRule& rule, const int64_t* const (&ids)[kNumIds],
                                int64_t size) {
  std::vector<int64_t> taken;
  for (int64_t i = 0; i < size; ++i)
    if (ids[kClass][i] >= 0) taken.push_back(i);
  std::vector<int64_t> code[kNumIds], order(taken.size());
  std::iota(order.begin(), order.end(), 0);
  for (int k = kNumIds - 1; k >= 0; --k) {
    code[k].resize(taken.size());
    if (!rule.reads(k)) continue;
    std::transform(taken.begin(), taken.end(), code[k].begin(),
                   [&](int64_t i) { return ids[k][i]; });
    code[k] = dense_codes(std::move(code[k]));
    sort_by(code[k], order);
  }
  const size_t pitch = (taken.size() + kContrastBlock - 1) / kContrastBlock * kContrastBlock;
  ContrastOrder<T> result;
  for (const int64_t row : order) result.position.push_back(taken[row]);
  for (int k = 0; k < kNumIds; ++k) {
    for (const int64_t row : order) result.id[k].push_back(code_t<T>(code[k][row]));
    result.id[k].resize(pitch);
  }
  result.index.resize(pitch, -1);
  std::iota(result.index.begin(), result.index.begin() + taken.size(), 0);
  result.run_end.resize(taken.size());
  for (size_t i = taken.size(); i-- > 0;)
    result.run_end[i] = same_identity(result, i, i + 1) ? result.run_end[i + 1] : int64_t(i) + 1;
  return result;
}

}  // namespace ariigcn
