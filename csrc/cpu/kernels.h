// The kernels that exist once per instruction set, and their arguments. Everything that kernels
// need from the standard library and torch is included here, before a translation unit switches
// its instruction set on: none of those functions may be compiled for a machine that is not there.
#pragma once

#include "gru_gates_arguments.h"
#include "isa.h"
#include "packed_product_arguments.h"
#include "pairwise_contrast_arguments.h"
#include "relational_attention_arguments.h"
#include "row_tables_arguments.h"
#include "segment_spmm_arguments.h"

#include <torch/csrc/stable/ops.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <new>
#include <numeric>
#include <type_traits>
#include <utility>
#include <vector>

#define DECLARE_KERNELS(isa_namespace)                                   \
  namespace ariigcn::isa_namespace {                                     \
  template <typename T>                                                  \
  void relational_attention(const RelationalAttention<T>&);              \
  template <typename T>                                                  \
  void relational_attention_backward(const RelationalAttentionGrad<T>&); \
  template <typename T>                                                  \
  void relational_sum(const RelationalAttention<T>&);                    \
  template <typename T>                                                  \
  void relational_sum_backward(const RelationalAttentionGrad<T>&);       \
  template <typename T>                                                  \
  void pairwise_contrast(const PairwiseContrast<T>&);                    \
  template <typename T>                                                  \
  void pairwise_contrast_backward(const PairwiseContrastGrad<T>&);       \
  template <typename T>                                                  \
  void segment_spmm(const SegmentSpmm<T>&);                              \
  template <typename T>                                                  \
  void gru_gates(const GruGates<T>&);                                    \
  template <typename T>                                                  \
  void gru_gates_backward(const GruGatesGrad<T>&);                       \
  template <typename T>                                                  \
  void pack_matrix(const PackMatrix<T>&);                                \
  template <typename T>                                                  \
  void packed_product(const PackedProduct<T>&);                          \
  template <typename T>                                                  \
  void outer_product(const OuterProduct<T>&);                            \
  template <typename T>                                                  \
  void row_dots(const RowDots<T>&);                                      \
  template <typename T>                                                  \
  void row_sums(const RowSums<T>&);                                      \
  template <typename T>                                                  \
  void segment_sddmm(const SegmentSddmm<T>&);                            \
  }

DECLARE_KERNELS(generic)
#if ARIIGCN_X86
DECLARE_KERNELS(avx2)
DECLARE_KERNELS(avx512)
#endif
