// What the passes over all pairs share: the packed rows, the kinds of many pairs at once, and the
// order in which blocks of rows meet.
#pragma once

#include "gemm.h"

namespace ariigcn::ARIIGCN_ISA {

template <typename T>
using codes = vec<code_t<T>>;

constexpr int64_t kBlock = kContrastBlock;
constexpr int64_t kChunk = 24;  // rows whose similarities with a panel of columns stay in L1

// Every team meets itself in round 0 and every other one once in the rounds after that, which name
// each team once: pairs of a round may run at the same time and write to both of their teams, and
// what a team receives has one order for any number of threads.
struct Tournament {
  int64_t teams;

  int64_t seats() const { return teams + teams % 2; }
  int64_t rounds() const { return seats(); }
  int64_t pairs(int64_t round) const { return round == 0 ? teams : seats() / 2; }

  // Calls `meet(a, b)`, a <= b, if the round has such a pair.
  template <typename Meet>
  void play(int64_t round, int64_t pair, const Meet& meet) const {
    if (round >= rounds() || pair >= pairs(round)) return;
    if (round == 0) return meet(pair, pair);
    const int64_t others = seats() - 1;  // they move on by a seat in each round, the last one stays
    const int64_t a = pair == 0 ? others : (round + pair) % others;
    const int64_t b = (round + others - pair) % others;
    if (std::max(a, b) < teams) meet(std::min(a, b), std::max(a, b));
  }
};

// Runs `meet(group, a, b)` for all pairs of teams of `size` rows, a <= b, of all groups.
template <typename T, typename Meet>
void for_all_pairs(const PairwiseContrast<T>& in, int64_t size, const Meet& meet) {
  const auto tournament = [size](int64_t rows) { return Tournament{(rows + size - 1) / size}; };
  const Tournament largest = tournament(in.pitch);
  for (int64_t round = 0; round < largest.rounds(); ++round) {
    const int64_t pairs = largest.pairs(round);
    torch::stable::parallel_for(0, in.num_groups * pairs, 1, [&](int64_t begin, int64_t end) {
      for (int64_t task = begin; task < end; ++task) {
        const ContrastGroup<T>& group = in.group[task / pairs];
        tournament(group.count).play(round, task % pairs, [&](int64_t a, int64_t b) {
          meet(task / pairs, a, b);
        });
      }
    });
  }
}

// The group's rows, sorted: `rows` as they are; `columns` as right sides of the product with their
// transpose, a panel of rows at a time; `block_rows` as right sides, a block of rows at a time.
template <typename T>
void pack_block(const PairwiseContrast<T>& in, const ContrastGroup<T>& group, int64_t block,
                bool as_right_side) {
  const int64_t first = block * kBlock, count = std::min(kBlock, group.count - first);
  const int64_t pitch = round_to_lanes<T>(in.width);
  T* rows = group.rows + first * pitch;
  for (int64_t r = 0; r < count; ++r) {
    const T* from = group.z + group.position[first + r] * in.width;
    for_vectors<T>(in.width, [&](int64_t k, auto read, auto write) {
      write(rows + r * pitch + k, read(from + k));
    });
  }
  for (int64_t r = 0; r < count; r += kPanel<T>)
    pack_columns<T>({rows, pitch, in.width, count, true}, r, std::min(kPanel<T>, count - r),
                    group.columns + (first + r) * pitch);
  if (!as_right_side) return;
  for (int64_t k = 0; k < in.width; k += kPanel<T>)
    pack_rows<T>({rows, pitch, count, in.width, false}, k, std::min(kPanel<T>, in.width - k),
                 group.block_rows + first * pitch + k * kBlock);
}

// out(r) += similarities of rows first.. with the panel of rows at `column`.
template <typename T, typename Out>
inline void add_similarities(const PairwiseContrast<T>& in, const ContrastGroup<T>& group,
                             int64_t first, int64_t count, int64_t column, const Out& out) {
  const int64_t pitch = round_to_lanes<T>(in.width);
  add_product<T>(
      count, in.width, [&](int64_t r) { return group.rows + (first + r) * pitch; },
      group.columns + column * pitch,
      round_to_lanes<T>(std::min(kPanel<T>, group.count - column)), out);
}

// The kind of all pairs of one row with a panel of rows.
template <typename T>
class PanelKinds {
 public:
  PanelKinds(const PairwiseContrast<T>& in, const ContrastGroup<T>& group, int64_t column)
      : group_(group), kinds_(in.kinds) {
    const int64_t count = std::min(kPanel<T>, group.count - column);
    for (int k = 0; k < kNumIds; ++k) {
      low_[k] = high_[k] = group.id[k][column];
      for (int64_t j = 1; j < count; ++j) {
        low_[k] = std::min(low_[k], group.id[k][column + j]);
        high_[k] = std::max(high_[k], group.id[k][column + j]);
      }
    }
  }

  int operator()(int64_t row) const {
    int at = 0;
    for (int k = kNumIds - 1; k >= 0; --k) {
      const auto id = group_.id[k][row];
      at = 3 * at + (id < low_[k] || id > high_[k] ? 0 : low_[k] == high_[k] ? 1 : 2);
    }
    return kinds_.of[at];
  }

 private:
  const ContrastGroup<T>& group_;
  const KindTable& kinds_;
  code_t<T> low_[kNumIds], high_[kNumIds];
};

// Which pairs of a row with a vector of rows are positives, and negatives: all bits set.
template <typename T>
struct KindMasks {
  codes<T> positive, negative;

  KindMasks(const PairwiseContrast<T>& in, const ContrastGroup<T>& group, int64_t row,
            int64_t column, codes<T> usable) {
    const codes<T> zero{};
    codes<T> code = zero;
    for (int k = 0; k < kNumIds; ++k) {
      const codes<T> same = load(group.id[k] + column) == group.id[k][row] + zero;
      code |= same & (code_t<T>(1) << k);
    }
    positive = (0 - ((code_t<T>(in.rule.positives) + zero) >> code & 1)) & usable;
    negative = (0 - ((code_t<T>(in.rule.negatives) + zero) >> code & 1)) & usable;
  }
};

template <typename T>
inline vec<T> keep(vec<T> v, codes<T> mask) {
  return (vec<T>)((codes<T>)v & mask);
}

// exp(s * factor) for |s * factor| <= kLargestExponent; an exponential of similarities needs no
// shift within that bound, and no bounds on its argument.
template <typename T>
constexpr T kLargestExponent = sizeof(T) == 4 ? T(60) : T(600);
template <typename T>
inline vec<T> exp_scaled(vec<T> s, T inv_temperature) {
  if constexpr (sizeof(T) == 4) {
    constexpr T log2_e = T(1.44269504088896340736), rounder = T(12582912);  // 1.5 * 2^23
    const T scale = inv_temperature * log2_e;
    const vec<T> shifted = s * scale + rounder;
    const vec<T> r = s * scale - (shifted - rounder);
    // 2^r for |r| <= 1/2, relative error 1e-7
    vec<T> p = splat<T>(T(0.001327647202774741));
    p = p * r + T(0.009675541479825247);
    p = p * r + T(0.05550713274652385);
    p = p * r + T(0.24022119721167015);
    p = p * r + T(0.6931469670632631);
    p = p * r + T(1.0000000716552198);
    return (vec<T>)((codes<T>)p + ((codes<T>)shifted << 23));
  } else {
    return exp<T>(s * inv_temperature);
  }
}

}  // namespace ariigcn::ARIIGCN_ISA
