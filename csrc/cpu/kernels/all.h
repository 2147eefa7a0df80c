// Every kernel, instantiated for the instruction set of the including translation unit.
#pragma once

#include "gru_gates.h"
#include "packed_product.h"
#include "pairwise_contrast/kernels.h"
#include "relational_attention/backward.h"
#include "relational_attention/forward.h"
#include "relational_attention/sum.h"
#include "row_tables.h"
#include "segment_spmm.h"

namespace ariigcn::ARIIGCN_ISA {

template void relational_attention(const RelationalAttention<float>&);
template void relational_attention(const RelationalAttention<double>&);
template void relational_attention_backward(const RelationalAttentionGrad<float>&);
template void relational_attention_backward(const RelationalAttentionGrad<double>&);
template void relational_sum(const RelationalAttention<float>&);
template void relational_sum(const RelationalAttention<double>&);
template void relational_sum_backward(const RelationalAttentionGrad<float>&);
template void relational_sum_backward(const RelationalAttentionGrad<double>&);
template void pairwise_contrast(const PairwiseContrast<float>&);
template void pairwise_contrast(const PairwiseContrast<double>&);
template void pairwise_contrast_backward(const PairwiseContrastGrad<float>&);
template void pairwise_contrast_backward(const PairwiseContrastGrad<double>&);
template void segment_spmm(const SegmentSpmm<float>&);
template void segment_spmm(const SegmentSpmm<double>&);
template void segment_sddmm(const SegmentSddmm<float>&);
template void segment_sddmm(const SegmentSddmm<double>&);
template void gru_gates(const GruGates<float>&);
template void gru_gates(const GruGates<double>&);
template void gru_gates_backward(const GruGatesGrad<float>&);
template void gru_gates_backward(const GruGatesGrad<double>&);
template void pack_matrix(const PackMatrix<float>&);
template void pack_matrix(const PackMatrix<double>&);
template void packed_product(const PackedProduct<float>&);
template void packed_product(const PackedProduct<double>&);
template void outer_product(const OuterProduct<float>&);
template void outer_product(const OuterProduct<double>&);
template void row_dots(const RowDots<float>&);
template void row_dots(const RowDots<double>&);
template void row_sums(const RowSums<float>&);
template void row_sums(const RowSums<double>&);

}  // namespace ariigcn::ARIIGCN_ISA
