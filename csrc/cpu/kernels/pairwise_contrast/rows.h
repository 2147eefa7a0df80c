// The order in which rows meet, and the rows packed as right sides of products.
#pragma once

#include "../gemm.h"
#include "../parallel.h"

namespace ariigcn::ARIIGCN_ISA {

template <typename T>
using codes = vec<code_t<T>>;

constexpr int64_t kBlock = kContrastBlock;
constexpr int64_t kLargestTeam = 2 * kBlock;
constexpr int64_t kChunk = 48;  // rows whose similarities with a panel of columns stay in L1

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

// Larger teams read packed rows less often, smaller ones keep many threads busy.
inline int64_t team_size(int64_t rows) { return rows < 1024 ? kBlock : kLargestTeam; }

// Runs `meet(group, a, b)` for all pairs of teams of `size` rows, a <= b, of all groups.
template <typename T, typename Meet>
void for_all_pairs(const PairwiseContrast<T>& in, int64_t size, const Meet& meet) {
  const auto tournament = [size](int64_t rows) { return Tournament{(rows + size - 1) / size}; };
  const Tournament largest = tournament(in.pitch);
  for (int64_t round = 0; round < largest.rounds(); ++round) {
    const int64_t pairs = largest.pairs(round);
    run_tasks(in.num_groups * pairs, [&] {
      return [&](int64_t task) {
        const ContrastGroup<T>& group = in.group[task / pairs];
        tournament(group.count).play(round, task % pairs, [&](int64_t a, int64_t b) {
          meet(task / pairs, a, b);
        });
      };
    });
  }
}

template <typename T>
inline const T* row_of(const PairwiseContrast<T>& in, const ContrastGroup<T>& group, int64_t row) {
  return group.z + group.position[row] * in.width;
}

// A vector of sorted rows as columns of a panel whose rows are `pitch` apart; behind the last row
// it is repeated. Returns the squared norms.
template <typename T>
vec<T> pack_rows_as_columns(const PairwiseContrast<T>& in, const ContrastGroup<T>& group,
                            int64_t row, T* panel, int64_t pitch) {
  constexpr int lanes = kLanes<T>;
  const T* from[lanes];
  for (int i = 0; i < lanes; ++i) from[i] = row_of(in, group, std::min(row + i, group.count - 1));
  vec<T> square{};
  for (int64_t k = 0; k < in.width; k += lanes) {
    const int64_t deep = std::min<int64_t>(lanes, in.width - k);
    vec<T> tile[lanes];
    if (deep == lanes) {
#pragma GCC unroll 16
      for (int i = 0; i < lanes; ++i) {
        tile[i] = load(from[i] + k);
        __builtin_prefetch(from[i] + k + 4 * lanes);
      }
    } else {
      for (int i = 0; i < lanes; ++i) tile[i] = load_part(from[i] + k, deep);
    }
    interleave_vectors<T, lanes>(tile, std::make_integer_sequence<int, lanes>{});
#pragma GCC unroll 16
    for (int i = 0; i < lanes; ++i) {
      square += tile[i] * tile[i];
      if (i < deep) store(panel + (k + i) * pitch, tile[i]);
    }
  }
  return square;
}

// Sorted rows of a block as right sides of the product with their transpose, a panel of rows at a
// time. Returns their largest squared norm, not a number if one is.
template <typename T>
T pack_similarity_panels(const PairwiseContrast<T>& in, const ContrastGroup<T>& group,
                         int64_t first, int64_t count) {
  T largest = 0;
  for (int64_t row = first; row < first + count; row += kPanel<T>) {
    const int64_t pitch = round_to_lanes<T>(std::min(kPanel<T>, first + count - row));
    T* panel = group.columns + row * round_to_lanes<T>(in.width);
    for (int64_t n = 0; n < pitch; n += kLanes<T>) {
      const vec<T> square = pack_rows_as_columns(in, group, row + n, panel + n, pitch);
      for (int lane = 0; lane < kLanes<T>; ++lane)
        if (!(square[lane] <= largest)) largest = square[lane];
    }
  }
  return largest;
}

// Sorted rows of a block as right sides of products, a panel of their width at a time.
template <typename T>
void pack_row_panels(const PairwiseContrast<T>& in, const ContrastGroup<T>& group, int64_t first,
                     int64_t count) {
  T* panels = group.block_rows + first * round_to_lanes<T>(in.width);
  for (int64_t r = 0; r < count; ++r) {
    const T* from = row_of(in, group, first + r);
    for (int64_t k = 0; k < in.width; k += kPanel<T>) {
      const int64_t wide = std::min(kPanel<T>, in.width - k);
      T* to = panels + k * kBlock + r * round_to_lanes<T>(wide);
      for_vectors<T>(wide,
                     [&](int64_t at, auto read) { store(to + at, vec<T>(read(from + k + at))); });
    }
  }
}

}  // namespace ariigcn::ARIIGCN_ISA
