// Dot products with, and weighted sums of, the rows of each table in a batch.
#pragma once

#include "edge_rows.h"
#include "parallel.h"

namespace ariigcn::ARIIGCN_ISA {

// Row k of table t.
template <typename T>
inline auto rows_of(const RowTables<T>& tables, int64_t t) {
  const T* base = tables.data + t * tables.table_stride;
  return [base, stride = tables.row_stride](int64_t k) { return base + k * stride; };
}

template <typename T>
void row_dots(const RowDots<T>& in) {
  const RowTables<T>& tables = in.tables;
  run_ranges(tables.count, 1, [&](int64_t t, int64_t) {
    T* out = in.out + t * tables.rows;
    reduce_rows<T>(OneHead<T>{}, 0, tables.rows, rows_of(tables, t), tables.width,
                   DotTerm<T>{in.vectors + t * in.vector_stride, {}},
                   [=](int64_t k, T dot) { out[k] = dot; });
  });
}

template <typename T>
void row_sums(const RowSums<T>& in) {
  const RowTables<T>& tables = in.tables;
  run_tasks(tables.count, [&] {
    return [&, sums = Buffer<T>(tables.width)](int64_t t) {
      sum_rows<T>(0, tables.rows, rows_of(tables, t), tables.width,
                  WeightedTerm<T>{in.weights + t * in.weight_stride}, sums);
      T* out = in.out + t * in.out_stride;
      for_vectors<T>(tables.width,
                     [&](int64_t k, auto at) { at(out + k, at(out + k) + at(sums + k)); });
    };
  });
}

}  // namespace ariigcn::ARIIGCN_ISA
