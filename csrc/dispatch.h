// Runs code for the floating type of a tensor, which it sees as `scalar_t`.
#pragma once

#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/core/Dispatch_v2.h>

#define DISPATCH_FLOATING(tensor, name, ...)                                         \
  THO_DISPATCH_V2((tensor).scalar_type(), name, AT_WRAP([&] { __VA_ARGS__; }),       \
                  AT_EXPAND(AT_FLOATING_TYPES), torch::headeronly::ScalarType::Half, \
                  torch::headeronly::ScalarType::BFloat16)
