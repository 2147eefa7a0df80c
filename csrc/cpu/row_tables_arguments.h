// What the kernels over tables of rows read and write: `count` tables, each of `rows` rows.
#pragma once

#include <cstdint>

namespace ariigcn {

template <typename T>
struct RowTables {
  int64_t count, rows, width;
  const T* data;
  int64_t table_stride, row_stride;
};

template <typename T>
struct RowDots {
  RowTables<T> tables;
  const T* vectors;
  int64_t vector_stride;
  T* out;  // (count, rows)
};

template <typename T>
struct RowSums {
  RowTables<T> tables;
  const T* weights;
  int64_t weight_stride;
  T* out;
  int64_t out_stride;
};

}  // namespace ariigcn
