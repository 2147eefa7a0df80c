// The kernels of a GRU's recurrence, for Python. `dtype` as in types.h, `sizes` D, T, B, H.
#include "cuda/gru_scan/launchers.h"

#include "types.h"

namespace {
using namespace ariigcn;

template <typename T>
GruScan<T> scan_of(const int64_t* n, const int64_t* rows, const void* weight) {
  return {n[0], n[1], n[2], n[3], rows, static_cast<const T*>(weight)};
}

}  // namespace

extern "C" {

void set_max_blocks(unsigned blocks) { emulator::max_blocks = blocks; }

int64_t gru_scan_bytes(int dtype, int64_t width) {
  if (dtype == 0) return gru_scan_bytes<float>(width);
  if (dtype == 1) return gru_scan_bytes<double>(width);
  return dtype == 2 ? gru_scan_bytes<__half>(width) : gru_scan_bytes<__nv_bfloat16>(width);
}

int gru_scan(int dtype, const int64_t* sizes, const void* inputs, const int64_t* rows,
             const void* weight, const void* bias, void* out, void* states, void* gates) {
  return for_floating(dtype, [&](auto t) {
    using T = decltype(t);
    return launch_gru_scan<T>({scan_of<T>(sizes, rows, weight), static_cast<const T*>(inputs),
                               static_cast<const T*>(bias), static_cast<T*>(out),
                               static_cast<T*>(states), static_cast<T*>(gates)},
                              nullptr);
  });
}

int gru_scan_backward(int dtype, const int64_t* sizes, const void* grad, const int64_t* rows,
                      const void* states, const void* gates, const void* weight, void* grad_inputs,
                      void* recurrent) {
  return for_floating(dtype, [&](auto t) {
    using T = decltype(t);
    return launch_gru_scan_backward<T>(
        {scan_of<T>(sizes, rows, weight), static_cast<const T*>(grad),
         static_cast<const T*>(states), static_cast<const T*>(gates), static_cast<T*>(grad_inputs),
         static_cast<T*>(recurrent)},
        nullptr);
  });
}

}  // extern "C"
