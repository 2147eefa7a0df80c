// Dot products with, and weighted sums of, the rows of tables, on the CPU.
#include "kernels.h"

#include <torch/csrc/stable/library.h>

#include "../checks.h"
#include "kernel_type.h"

namespace {
using namespace ariigcn;
using torch::headeronly::ScalarType;
using torch::stable::Tensor;

template <typename T>
RowTables<T> tables_of(const Tensor& t) {
  return {t.size(0), t.size(1), t.size(2), t.const_data_ptr<T>(), t.stride(0), t.stride(1)};
}

Tensor row_dots(const Tensor& tables, const Tensor& vectors) {
  Checks::dim("row_dots", "tables", tables, 3);
  Checks::dim("row_dots", "vectors", vectors, 2);
  const Checks check("row_dots", tables);
  check.float_or_double();
  const int64_t count = tables.size(0), rows = tables.size(1), width = tables.size(2);
  check.rows("tables", tables, {count, rows, width});
  check.rows("vectors", vectors, {count, width});
  Tensor out = torch::stable::new_empty(tables, {count, rows});
  in_kernel_type(tables, [&]<typename T>(T, ScalarType) {
    const RowDots<T> in{tables_of<T>(tables), vectors.const_data_ptr<T>(), vectors.stride(0),
                        out.mutable_data_ptr<T>()};
    CALL_BEST_ISA(row_dots, in);
  });
  return out;
}

void add_row_sums(Tensor out, const Tensor& weights, const Tensor& tables) {
  Checks::dim("add_row_sums", "tables", tables, 3);
  Checks::dim("add_row_sums", "weights", weights, 2);
  Checks::dim("add_row_sums", "out", out, 2);
  const Checks check("add_row_sums", tables);
  check.float_or_double();
  const int64_t count = tables.size(0), rows = tables.size(1), width = tables.size(2);
  check.rows("tables", tables, {count, rows, width});
  check.rows("weights", weights, {count, rows});
  check.rows("out", out, {count, width});
  in_kernel_type(tables, [&]<typename T>(T, ScalarType) {
    const RowSums<T> in{tables_of<T>(tables), weights.const_data_ptr<T>(), weights.stride(0),
                        out.mutable_data_ptr<T>(), out.stride(0)};
    CALL_BEST_ISA(row_sums, in);
  });
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ariigcn, CPU, m) {
  m.impl("row_dots", TORCH_BOX(&row_dots));
  m.impl("add_row_sums", TORCH_BOX(&add_row_sums));
}
