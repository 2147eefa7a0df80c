// Which of the compiled instruction sets runs. Kernels are templates compiled once per set, each
// in a namespace of its own (kernels_*.cpp); a call picks the namespace.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define ARIIGCN_X86 1
#else
#define ARIIGCN_X86 0
#endif

namespace ariigcn {

enum class Isa { kGeneric, kAvx2, kAvx512 };

// The best one this machine has.
inline Isa best_isa() {
#if ARIIGCN_X86
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
    return Isa::kAvx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return Isa::kAvx2;
#endif
  return Isa::kGeneric;
}
// That one, or a lower one: the environment variable ARIIGCN_CPU_CAPABILITY (generic, avx2,
// avx512) chooses. Read once.
Isa isa();
const char* isa_name();

}  // namespace ariigcn

#if ARIIGCN_X86
#define CALL_BEST_ISA(function, ...)                                                \
  (ariigcn::isa() == ariigcn::Isa::kAvx512 ? ariigcn::avx512::function(__VA_ARGS__) \
   : ariigcn::isa() == ariigcn::Isa::kAvx2 ? ariigcn::avx2::function(__VA_ARGS__)   \
                                           : ariigcn::generic::function(__VA_ARGS__))
#else
#define CALL_BEST_ISA(function, ...) ariigcn::generic::function(__VA_ARGS__)
#endif
