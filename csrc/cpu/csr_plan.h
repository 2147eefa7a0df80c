// From in-edges in CSR form to the index structure that kernels read, `Graph.plan`.
#pragma once

#include <cstdint>
#include <memory>
#include <tuple>

#include "../checks.h"

namespace ariigcn {

// In-edges of so many targets, sorted by relation within each.
struct Rows {
  const int32_t *indptr, *indices, *etypes;
  int64_t num_dst, num_src, num_rels;
};

// The plan and its facts: numbers of segments and components, the first target without edges or -1,
// whether each node has one self edge, and each relation's number of segments.
std::tuple<Checks::Tensor, Checks::Tensor> plan_of_rows(const Rows& rows, bool split);

// How many a graph has of everything; a relation in any case, as every layer has a matrix.
void check_counts(const Checks& check, int64_t num_dst, int64_t num_src, int64_t num_edges,
                  int64_t num_rels);

// As a plan has them; new ones are not initialised.
using Indices = std::unique_ptr<int32_t[]>;
inline Indices new_indices(int64_t size) { return std::make_unique_for_overwrite<int32_t[]>(size); }

// Numbers that all lie in [0, end), which must be at most 2^31.
inline Indices narrowed(const Checks& check, const char* name, const Checks::Tensor& numbers,
                        int64_t end) {
  const auto* number = numbers.const_data_ptr<int64_t>();
  const int64_t size = numbers.numel();
  Indices narrow = new_indices(size);
  auto* to = narrow.get();
  uint64_t signs = 0;  // a number outside is negative, or what it lacks is
#pragma omp simd reduction(| : signs)
  for (int64_t k = 0; k < size; ++k) {
    signs |= uint64_t(number[k]) | (uint64_t(end) - 1 - uint64_t(number[k]));
    to[k] = int32_t(number[k]);
  }
  if (signs >> 63) check.within(name, numbers, end);
  return narrow;
}

}  // namespace ariigcn
