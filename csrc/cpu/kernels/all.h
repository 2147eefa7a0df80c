// Every kernel, instantiated for the instruction set of the including translation unit.
#pragma once

#include "relational_attention.h"
#include "relational_attention_backward.h"

namespace ariigcn::ARIIGCN_ISA {

template void relational_attention(const RelationalAttention<float>&);
template void relational_attention(const RelationalAttention<double>&);
template void relational_attention_backward(const RelationalAttentionGrad<float>&);
template void relational_attention_backward(const RelationalAttentionGrad<double>&);

}  // namespace ariigcn::ARIIGCN_ISA
