// Products with packed matrices, on the CPU.
#include "kernels.h"

#include <torch/csrc/stable/library.h>

#include "../checks.h"
#include "kernel_type.h"

namespace {
using namespace ariigcn;
using torch::headeronly::ScalarType;
using torch::stable::Tensor;

// Columns are filled up to whole vectors of 64 bytes, the widest of all instruction sets.
int64_t packed_columns(const Tensor& t, int64_t columns) {
  const int64_t lanes = t.scalar_type() == ScalarType::Double ? 8 : 16;
  return (columns + lanes - 1) / lanes * lanes;
}

Tensor pack_matrix(const Tensor& matrix, bool transposed) {
  const Checks check("pack_matrix", matrix);
  Checks::dim("pack_matrix", "matrix", matrix, 2);
  check.float_or_double();
  const int64_t rows = matrix.size(0), columns = matrix.size(1);
  check.rows("matrix", matrix, {rows, columns});
  const int64_t depth = transposed ? columns : rows, width = transposed ? rows : columns;
  Tensor packed = torch::stable::new_empty(matrix, {depth, packed_columns(matrix, width)});
  in_kernel_type(matrix, [&]<typename T>(T, ScalarType) {
    const PackMatrix<T> in{matrix.const_data_ptr<T>(),  matrix.stride(0), depth, width, transposed,
                           packed.mutable_data_ptr<T>()};
    CALL_BEST_ISA(pack_matrix, in);
  });
  return packed;
}

void add_packed_product(Tensor out, const Tensor& x, const Tensor& packed) {
  const Checks check("add_packed_product", out);
  Checks::dim("add_packed_product", "out", out, 2);
  Checks::dim("add_packed_product", "x", x, 2);
  check.float_or_double();
  const int64_t rows = out.size(0), width = out.size(1), depth = x.size(1);
  check.rows("out", out, {rows, width});
  check.rows("x", x, {rows, depth});
  check.values("packed", packed, {depth, packed_columns(out, width)});
  in_kernel_type(out, [&]<typename T>(T, ScalarType) {
    const PackedProduct<T> in{rows,
                              depth,
                              width,
                              x.const_data_ptr<T>(),
                              x.stride(0),
                              packed.const_data_ptr<T>(),
                              out.mutable_data_ptr<T>(),
                              out.stride(0)};
    CALL_BEST_ISA(packed_product, in);
  });
}

void outer_product(Tensor out, const Tensor& left, const Tensor& right) {
  Checks::dim("outer_product", "left", left, 2);
  Checks::dim("outer_product", "right", right, 2);
  const Checks check("outer_product", left);
  check.float_or_double();
  const int64_t rows = left.size(0), height = left.size(1), width = right.size(1);
  check.rows("left", left, {rows, height});
  check.rows("right", right, {rows, width});
  check.rows("out", out, {height, width});
  in_kernel_type(left, [&]<typename T>(T, ScalarType) {
    const OuterProduct<T> in{rows,
                             height,
                             width,
                             left.const_data_ptr<T>(),
                             left.stride(0),
                             right.const_data_ptr<T>(),
                             right.stride(0),
                             out.mutable_data_ptr<T>(),
                             out.stride(0)};
    CALL_BEST_ISA(outer_product, in);
  });
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ariigcn, CPU, m) {
  m.impl("pack_matrix", TORCH_BOX(&pack_matrix));
  m.impl("add_packed_product", TORCH_BOX(&add_packed_product));
  m.impl("outer_product", TORCH_BOX(&outer_product));
}
