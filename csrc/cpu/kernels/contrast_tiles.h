// What the passes over all pairs share: the packed rows, the kinds of many pairs at once, and the
// order in which blocks of rows meet.
#pragma once

#include "gemm.h"

namespace ariigcn::ARIIGCN_ISA {

template <typename T>
using codes = vec<code_t<T>>;

constexpr int64_t kBlock = kContrastBlock;
constexpr int64_t kLargestTeam = 4 * kBlock;
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

template <typename T>
inline const T* row_of(const PairwiseContrast<T>& in, const ContrastGroup<T>& group, int64_t row) {
  return group.z + group.position[row] * in.width;
}

// A vector of sorted rows as columns of a panel whose rows are `pitch` apart; rows that do not
// exist become zeros. Returns the squared norms.
template <typename T>
vec<T> pack_rows_as_columns(const PairwiseContrast<T>& in, const ContrastGroup<T>& group,
                            int64_t row, T* panel, int64_t pitch) {
  constexpr int lanes = kLanes<T>;
  const T* from[lanes];
  for (int i = 0; i < lanes; ++i)
    from[i] = row + i < group.count ? row_of(in, group, row + i) : nullptr;
  vec<T> square{};
  for (int64_t k = 0; k < in.width; k += lanes) {
    const int64_t deep = std::min<int64_t>(lanes, in.width - k);
    vec<T> tile[lanes];
#pragma GCC unroll 16
    for (int i = 0; i < lanes; ++i)
      tile[i] = from[i] == nullptr ? vec<T>{}
                : deep == lanes    ? load(from[i] + k)
                                   : load_part(from[i] + k, deep);
    transpose_lanes<T>(tile, std::make_integer_sequence<int, lanes>{});
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
      for_vectors<T>(wide, [&](int64_t at, auto read, auto) {
        store(to + at, read(from + k + at));
      });
    }
  }
}

// A chunk of rows against a panel of columns, and their similarities.
template <typename T>
struct Chunk {
  const PairwiseContrast<T>& in;
  const ContrastGroup<T>& group;
  int64_t row, count, column;  // the first ones, and how many rows
  T* similarity;               // a row every `stride`
  int64_t stride;

  int vectors() const {
    const int64_t width = std::min(kPanel<T>, group.count - column);
    return int((width + kLanes<T> - 1) / kLanes<T>);
  }
  // Of a row from here on, vectors from this one on hold columns behind the diagonal.
  int first_vector(int64_t r, bool upper) const {
    return upper ? int(std::max<int64_t>(0, row + r + 1 - column) / kLanes<T>) : 0;
  }
  vec<T> load_similarity(int64_t r, int v) const {
    return load(similarity + r * stride + v * kLanes<T>);
  }
};

template <typename T, int rows, int vectors>
inline void multiply_tile(const Chunk<T>& chunk, int64_t r, int first) {
  const T* left[rows];
#pragma GCC unroll 8
  for (int m = 0; m < rows; ++m) left[m] = row_of(chunk.in, chunk.group, chunk.row + r + m);
  const int64_t pitch = chunk.vectors() * kLanes<T>;
  const T* panel = chunk.group.columns + chunk.column * round_to_lanes<T>(chunk.in.width);
  panel += first * kLanes<T>;
  vec<T> sum[rows][vectors] = {};
  for (int64_t k = 0; k < chunk.in.width; ++k, panel += pitch) {
    vec<T> right[vectors];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) right[v] = load(panel + v * kLanes<T>);
#pragma GCC unroll 8
    for (int m = 0; m < rows; ++m) {
      const T x = left[m][k];
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) sum[m][v] += x * right[v];
    }
  }
  T* out = chunk.similarity + r * chunk.stride + first * kLanes<T>;
#pragma GCC unroll 8
  for (int m = 0; m < rows; ++m)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) store(out + m * chunk.stride + v * kLanes<T>, sum[m][v]);
}
template <typename T, int rows>
inline void multiply_rows(const Chunk<T>& chunk, int64_t r, int first) {
  const int vectors = chunk.vectors() - first;
  if (vectors > 0)
    with_vectors<T>(vectors * kLanes<T>, [&](auto constant) {
      multiply_tile<T, rows, constant.value>(chunk, r, first);
    });
}

// Fills in the similarities; with `upper`, those above the diagonal at least.
template <typename T>
void multiply(const Chunk<T>& chunk, bool upper) {
  int64_t r = 0;
  for (; r + kTileRows <= chunk.count; r += kTileRows)
    multiply_rows<T, kTileRows>(chunk, r, chunk.first_vector(r, upper));
  for (; r + 2 <= chunk.count; r += 2)
    multiply_rows<T, 2>(chunk, r, chunk.first_vector(r, upper));
  if (r < chunk.count) multiply_rows<T, 1>(chunk, r, chunk.first_vector(r, upper));
}

// The smallest and largest ids of each vector of columns.
template <typename T>
class ColumnIds {
 public:
  ColumnIds(const PairwiseContrast<T>& in, const ContrastGroup<T>& group, int64_t begin,
            int64_t end)
      : kinds_(in.kinds), group_(group), begin_(begin) {
    for (int64_t v = 0; begin + v * kLanes<T> < end; ++v)
      for (int k = 0; k < kNumIds; ++k) {
        const int64_t first = begin + v * kLanes<T>, last = std::min(first + kLanes<T>, end);
        const code_t<T>* id = group.id[k];
        low_[k][v] = *std::min_element(id + first, id + last);
        high_[k][v] = *std::max_element(id + first, id + last);
      }
  }

  // The kind of all pairs of that row with a vector of columns.
  int kind(int64_t row, int64_t column) const {
    const int64_t v = (column - begin_) / kLanes<T>;
    int at = 0;
    for (int k = kNumIds - 1; k >= 0; --k) {
      const auto id = group_.id[k][row], low = low_[k][v], high = high_[k][v];
      at = 3 * at + (id < low || id > high ? 0 : low == high ? 1 : 2);
    }
    return kinds_.of[at];
  }

 private:
  const KindTable& kinds_;
  const ContrastGroup<T>& group_;
  int64_t begin_;
  code_t<T> low_[kNumIds][kLargestTeam / kLanes<T>], high_[kNumIds][kLargestTeam / kLanes<T>];
};

// Rows of a chunk from `begin` to `end`, whose pairs with each vector of columns are of one kind.
struct Run {
  int64_t begin, end;
  int kind[kPanelVectors];

  bool same_kinds(const Run& other) const {
    for (int v = 0; v < kPanelVectors; ++v)
      if (kind[v] != other.kind[v]) return false;
    return true;
  }
};

// Splits a chunk. Returns the number of runs, 0 if all pairs are ignored.
template <typename T>
int split(const Chunk<T>& chunk, const ColumnIds<T>& ids, Run* runs) {
  int count = 0;
  bool any = false;
  for (int64_t r = 0, end; r < chunk.count; r = end) {
    end = std::min(chunk.count, chunk.group.run_end[chunk.row + r] - chunk.row);
    Run run{r, end, {}};
    for (int v = 0; v < chunk.vectors(); ++v) {
      const int64_t column = chunk.column + v * kLanes<T>;
      run.kind[v] = ids.kind(chunk.row + r, column);
      any |= run.kind[v] != kIgnored;
      if (run.kind[v] != kIgnored && column + kLanes<T> > chunk.group.count) run.kind[v] = kMixed;
    }
    if (count > 0 && runs[count - 1].same_kinds(run))
      runs[count - 1].end = end;
    else
      runs[count++] = run;
  }
  return any ? count : 0;
}

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
