// What the library says of itself, for ctypes: no Python and no torch type is in these signatures.
#include <build_options.h>  // setup.py writes it
#include <torch/headeronly/version.h>

#include "cpu/isa.h"

#define EXPORTED extern "C" __attribute__((visibility("default")))

// JSON of strings.
EXPORTED const char* ariigcn_build_info() {
  return "{\"compiler\": \"g++ " __VERSION__ "\", \"torch_headers\": \"" TORCH_VERSION
         "\", \"cuda\": \"" ARIIGCN_CUDA_VERSION "\", \"cuda_archs\": \"" ARIIGCN_CUDA_ARCHS "\"}";
}

// Instruction set that the CPU kernels run with.
EXPORTED const char* ariigcn_cpu_capability() { return ariigcn::isa_name(); }
