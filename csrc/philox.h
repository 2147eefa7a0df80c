// Philox-4x32-10 (Salmon et al. 2011): random numbers as a function of a counter and a key, so that
// backward draws again what forward drew. Torch-free, for CPU and CUDA.
#pragma once

#include "numeric.h"

namespace ariigcn {

struct Philox {
  uint32_t word[4];

  HOST_DEVICE Philox(uint64_t key, uint64_t counter_low, uint64_t counter_high)
      : word{uint32_t(counter_low), uint32_t(counter_low >> 32), uint32_t(counter_high),
             uint32_t(counter_high >> 32)} {
    uint32_t k0 = uint32_t(key), k1 = uint32_t(key >> 32);
    for (int round = 0; round < 10; ++round, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
      const uint64_t a = uint64_t(word[0]) * 0xD2511F53u, b = uint64_t(word[2]) * 0xCD9E8D57u;
      const uint32_t next[4] = {uint32_t(b >> 32) ^ word[1] ^ k0, uint32_t(b),
                                uint32_t(a >> 32) ^ word[3] ^ k1, uint32_t(a)};
      for (int i = 0; i < 4; ++i) word[i] = next[i];
    }
  }
};

// What dropout multiplies edge `edge` of group `group` by: 0, or 1 / keep with probability `keep`.
template <typename value_t>
HOST_DEVICE inline value_t dropout_scale(uint64_t seed, int64_t group, int64_t edge, value_t keep) {
  const Philox random(seed, uint64_t(edge) / 4, uint64_t(group));
  uint32_t word = random.word[0];  // a variable index would put the words into memory
  for (int i = 1; i < 4; ++i) word = edge % 4 == i ? random.word[i] : word;
  return value_t(word >> 8) * value_t(1.0 / (1 << 24)) < keep ? 1 / keep : value_t(0);
}

}  // namespace ariigcn
