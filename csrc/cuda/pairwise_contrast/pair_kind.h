// Which kind a pair of rows is: by one word for each row where its identities fit into one, else
// by the identities themselves.
#pragma once

#include "launchers.h"
#include "product.h"

namespace ariigcn {

// A word: fields for class, modality and utterance, each below a guard bit that is 0, and in the
// last bit whether the row takes part in no pair.
namespace pair_key {
constexpr uint32_t kAbsent = 1u << 31;
constexpr uint32_t kFields = 1023u | 7u << 11 | 32767u << 15;
constexpr uint32_t kGuards = 1u << 10 | 1u << 14 | 1u << 30 | kAbsent;
// Brings these four bits to the bits 33 to 36 of the product; no two summands of it meet.
constexpr uint32_t kGather = 1u << 23 | 1u << 20 | 1u << 5;
}  // namespace pair_key

struct Identity {
  int64_t id[3];  // class, modality, utterance

  // Rows that do not exist, like those with a negative class, take part in no pair.
  template <typename scalar_t>
  __device__ static Identity of(const ContrastInput<scalar_t>& in, int64_t group, int64_t row) {
    if (row >= in.size) return {{-1, 0, 0}};
    const int64_t at = group * in.size + row;
    return {{in.label[at], in.modality[at], in.utterance[at]}};
  }

  __device__ bool takes_part() const { return id[0] >= 0; }

  // Whether `key` became what stands for the identity; ids that the rule does not read are left
  // out.
  __device__ bool fits(const PairKinds& kinds, uint32_t& key) const {
    constexpr int kFirstBit[] = {0, 11, 15};
    constexpr uint32_t kLargest[] = {1023, 7, 32767};
    key = takes_part() ? 0 : pair_key::kAbsent;
    bool fit = true;
#pragma unroll
    for (int k = 0; k < 3; ++k) {
      if (!takes_part() || !(kinds.read >> k & 1)) continue;
      fit &= uint64_t(id[k]) <= kLargest[k];
      key |= (uint32_t(id[k]) & kLargest[k]) << kFirstBit[k];
    }
    return fit;
  }
};

// The identities of a tile of rows. Shared memory of a block.
struct TileIdentities {
  Identity identity[kTile];
  uint32_t key[kTile];

  // Reads them from row `first` on. Returns, for this thread's row, whether its key stands for it.
  template <typename scalar_t>
  __device__ bool read(const ContrastInput<scalar_t>& in, int64_t group, int64_t first) {
    if (threadIdx.x >= kTile) return true;
    identity[threadIdx.x] = Identity::of(in, group, first + threadIdx.x);
    return identity[threadIdx.x].fits(in.kinds, key[threadIdx.x]);
  }
  // Whether this thread's row takes part in pairs.
  __device__ bool has_part() const {
    return threadIdx.x < kTile && identity[threadIdx.x].takes_part();
  }
};

static_assert(kPositive == 1 && kNegative == 2);  // kinds are tested as bits

// By keys. Differing fields carry into the bits above them, which select from the table of kinds.
__device__ inline uint32_t kind_of_keys(uint32_t own, uint32_t other, uint32_t table) {
  const uint32_t differing = ((own ^ other) + pair_key::kFields) & pair_key::kGuards;
  return __funnelshift_r(table, 0, __umulhi(differing, pair_key::kGather)) & 3;
}

__device__ inline uint32_t kind_of_identities(const Identity& own, const Identity& other,
                                              const PairKinds& kinds) {
  if (!own.takes_part() || !other.takes_part()) return kIgnored;
  uint32_t differing = 0;
  for (int k = 0; k < 3; ++k) differing |= uint32_t(own.id[k] != other.id[k]) << k;
  return kinds.table >> 2 * differing & 3;
}

#ifdef __CUDACC__
__device__ inline uint32_t common_bits(uint32_t x, uint32_t mask) {
  uint32_t both;
  asm("and.b32 %0, %1, %2;" : "=r"(both) : "r"(x), "r"(mask));
  return both;
}
#else
inline uint32_t common_bits(uint32_t x, uint32_t mask) { return x & mask; }
#endif

// Kinds of the pairs of a row with the columns that a lane holds, two bits each.
struct RowKinds {
  uint32_t kinds = 0;

  __device__ bool is(PairKind kind, int c) const { return kinds >> 2 * c & kind; }
  // The same where few are tested at a time: by one instruction, which the compiler would turn into
  // a shift and two more. Of many it moves seven bits at once.
  __device__ bool is_one(PairKind kind, int c) const {
    return common_bits(kinds, uint32_t(kind) << 2 * c) != 0;
  }
  __device__ int count(PairKind kind) const { return __popc(kinds & 0x55555555u * kind); }
};

// Kinds of the pairs of a row of one tile with columns `column`.. of another. `same`: they are one
// tile, and a row is no pair with itself.
template <typename Product, int kColumns>
__device__ RowKinds kinds_of_row(const TileIdentities& rows, int row, const TileIdentities& columns,
                                 int column, const PairKinds& kinds, bool by_keys, bool same) {
  RowKinds result;
  constexpr int kCount = Product::template Share<kColumns>::kCount;
  const uint32_t own = rows.key[row] & ~pair_key::kAbsent;
  const uint32_t table = rows.key[row] & pair_key::kAbsent ? 0 : kinds.table;
  if (by_keys) {
#pragma unroll
    for (int c = 0; c < kCount; ++c) {
      const uint32_t other = columns.key[column + Product::column(c)];
      result.kinds |= kind_of_keys(own, other, table) << 2 * c;
    }
  } else {
#pragma unroll 1
    for (int c = 0; c < kCount; ++c) {
      const Identity& other = columns.identity[column + Product::column(c)];
      result.kinds |= kind_of_identities(rows.identity[row], other, kinds) << 2 * c;
    }
  }
  if (same)
#pragma unroll 1  // one tile of many
    for (int c = 0; c < kCount; ++c)
      if (column + Product::column(c) == row) result.kinds &= ~(3u << 2 * c);
  return result;
}

}  // namespace ariigcn
