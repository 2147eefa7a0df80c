#include "isa.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace ariigcn {
namespace {

constexpr std::string_view kNames[] = {"generic", "avx2", "avx512"};

Isa choose() {
  const char* wanted = std::getenv("ARIIGCN_CPU_CAPABILITY");
  for (const Isa isa : {Isa::kGeneric, Isa::kAvx2, Isa::kAvx512})
    if (wanted != nullptr && wanted == kNames[int(isa)]) return std::min(isa, best_isa());
  return best_isa();
}

}  // namespace

Isa isa() {
  static const Isa chosen = choose();
  return chosen;
}

const char* isa_name() { return kNames[int(isa())].data(); }

}  // namespace ariigcn
