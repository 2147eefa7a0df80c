// What every CUDA binding needs: PyTorch's types as CUDA's, and errors as exceptions.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime_api.h>
#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/util/BFloat16.h>
#include <torch/headeronly/util/Exception.h>
#include <torch/headeronly/util/Half.h>

#include "../numeric.h"

namespace ariigcn {

// The kernels' name for a PyTorch scalar of the same bits.
template <typename scalar_t>
struct CudaScalar {
  using type = scalar_t;
};
template <>
struct CudaScalar<torch::headeronly::Half> {
  using type = __half;
};
template <>
struct CudaScalar<torch::headeronly::BFloat16> {
  using type = __nv_bfloat16;
};
template <typename scalar_t>
using cuda_t = typename CudaScalar<scalar_t>::type;

template <typename scalar_t>
const cuda_t<scalar_t>* input(const torch::stable::Tensor& tensor) {
  return reinterpret_cast<const cuda_t<scalar_t>*>(tensor.const_data_ptr<scalar_t>());
}

template <typename scalar_t>
cuda_t<scalar_t>* output(torch::stable::Tensor& tensor) {
  return reinterpret_cast<cuda_t<scalar_t>*>(tensor.mutable_data_ptr<scalar_t>());
}

inline void check_launch(cudaError_t error, const char* op) {
  STD_TORCH_CHECK(error == cudaSuccess, op, ": ", cudaGetErrorString(error));
}

}  // namespace ariigcn
