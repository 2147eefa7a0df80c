// One product C = A B of mma.h, with A (16, K) and B (K, 16), for every way to load A and B.
#include "cuda/mma.h"

#include "cuda/launch.h"

namespace {
using namespace ariigcn;

constexpr int kSide = 16, kPad = 8;  // of 16 bytes or a multiple of them

// A warp copies A and B to shared memory, multiplies, and stores C. `a` is (16, K) and `b` is
// (16, K), a column a row, or, where they are `transposed`, both are (K, 16).
template <typename scalar_t>
__global__ void product_kernel(bool transposed, const scalar_t* a, const scalar_t* b, float* c) {
  constexpr int kDepth = kMmaK<scalar_t>;
  alignas(16) __shared__ scalar_t tile_a[kSide * (kSide + kPad)], tile_b[kSide * (kSide + kPad)];
  const int width = transposed ? kSide : kDepth, stride = width + kPad;
  for (int k = lane(); k < kSide * kDepth; k += kWarpSize) {
    const int at = k / width * stride + k % width;
    tile_a[at] = a[k];
    tile_b[at] = b[k];
  }
  __syncthreads();
  const MmaA<scalar_t> left =
      transposed ? load_a_transposed(tile_a, stride) : load_a(tile_a, stride);
  MmaB<scalar_t> right[2];
  if (transposed) {
    load_b_transposed(tile_b, stride, right);
  } else {
    load_b(tile_b, stride, right);
  }
  MmaC result[2];
  for (int half = 0; half < 2; ++half) {
    mma(result[half], left, right[half]);
    for (int e = 0; e < 4; ++e)
      c[MmaC::row(e) * kSide + half * 8 + MmaC::column(e)] = result[half].at[e];
  }
}

template <typename scalar_t>
int run(bool transposed, const void* a, const void* b, float* c) {
  return launch(1, kWarpSize, nullptr, product_kernel<scalar_t>, transposed,
                static_cast<const scalar_t*>(a), static_cast<const scalar_t*>(b), c);
}

}  // namespace

// `dtype`: 0 float, 2 half, 3 bfloat16.
extern "C" int mma_product(int dtype, int transposed, const void* a, const void* b, float* c) {
  if (dtype == 0) return run<float>(transposed, a, b, c);
  if (dtype == 2) return run<__half>(transposed, a, b, c);
  return run<__nv_bfloat16>(transposed, a, b, c);
}
