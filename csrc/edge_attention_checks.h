// The demands of edge attention, alike on every device; `Structure` is a binding's own struct.
#pragma once

#include "checks.h"

namespace ariigcn {

template <typename Structure>
Checks check_edge_attention(const char* op, const Checks::Tensor& u, const Checks::Tensor& v,
                            const Checks::Tensor& w, const Structure& in) {
  Checks::dim(op, "u", u, 3);
  const Checks check(op, u);
  const int64_t groups = u.size(0), num_dst = u.size(1), width = u.size(2);
  const int64_t edges = in.indices.numel(), num_src = in.t_indptr.numel() - 1;
  const auto type = in.indices.scalar_type();
  check.floating();
  check.values("u", u, {groups, num_dst, width});
  check.values("v", v, {groups, num_src, width});
  check.values("w", w, {groups, width});
  check.indices("indptr", in.indptr, num_dst + 1, type);
  check.indices("indices", in.indices, edges, type);
  check.indices("dst", in.dst, edges, type);
  check.indices("t_indptr", in.t_indptr, num_src + 1, type);
  check.indices("t_eids", in.t_eids, edges, type);
  return check;
}

// What forward returned, and its gradient.
inline void check_edge_gradients(const Checks& check, const Checks::Tensor& grad,
                                 const Checks::Tensor& alpha, int64_t groups, int64_t edges) {
  check.values("grad", grad, {groups, edges});
  check.values("alpha", alpha, {groups, edges});
}

}  // namespace ariigcn
