// Forward: the statistics of all rows, from the upper triangle of the similarities.
#pragma once

#include "tiles.h"

namespace ariigcn::ARIIGCN_ISA {

// What a vector of pairs adds to the statistics of a kind, but for their count.
enum StatPart { kSum, kExp, kPenalty, kNumParts };

// Sums over pairs of a chunk of rows (a vector each, of any columns) or of a panel of columns.
template <typename T>
using PartSums = vec<T>[2][kNumParts];

// What pairs of a chunk add to its rows and columns.
template <typename T>
struct ChunkSums {
  PartSums<T> row[kChunk], column[kPanelVectors];
  double row_count[2][kChunk], column_count[2][kPanel<T>];
};

// The totals of all rows of one group.
class Totals {
 public:
  Totals(double* total, int64_t pitch) : total_(total), pitch_(pitch) {}

  double* count(int side, int64_t row) const { return at(kCountPos + side, row); }
  double* part(int part, int side, int64_t row) const {
    constexpr int stat[kNumParts] = {kSumPos, kLsePos, kMarginPos};
    return at(stat[part] + side, row);
  }

 private:
  double* at(int stat, int64_t row) const { return total_ + stat * pitch_ + row; }

  double* total_;
  int64_t pitch_;
};

template <typename T>
inline void add_to(double* total, vec<T> v) {
  if constexpr (sizeof(T) == sizeof(double)) {
    store(total, load(total) + v);
  } else {
    typedef T half __attribute__((vector_size(ARIIGCN_VECTOR_BYTES / 2)));
    for (int side = 0; side < 2; ++side, total += kLanes<double>) {
      half part;
      __builtin_memcpy(&part, reinterpret_cast<const char*>(&v) + side * sizeof part, sizeof part);
      store(total, load(total) + __builtin_convertvector(part, vec<double>));
    }
  }
}

template <typename T>
inline vec<T> penalty(int side, vec<T> s, T margin) {
  return side == 0 ? max<T>(s - margin, margin - s) : max<T>(s, vec<T>{});
}

// All pairs of rows from `begin` to `end` with `width` vectors from `v` on are of the kind of
// `side`.
template <typename T, int side, int width>
void add_uniform(const Chunk<T>& chunk, int64_t begin, int64_t end, int v, ChunkSums<T>& sums) {
  const T inv_temperature = chunk.in.inv_temperature, margin = chunk.in.margin;
  vec<T> columns[kNumParts][width] = {};
  for (int64_t r = begin; r < end; ++r) {
    vec<T> part[kNumParts][width];
#pragma GCC unroll 4
    for (int i = 0; i < width; ++i) {
      const vec<T> s = chunk.load_similarity(r, v + i);
      part[kSum][i] = s;
      part[kExp][i] = exp_scaled<T>(s, inv_temperature);
      part[kPenalty][i] = penalty<T>(side, s, margin);
    }
#pragma GCC unroll 4
    for (int k = 0; k < kNumParts; ++k) {
      vec<T> row = part[k][0];
      if constexpr (width == 2) row += part[k][1];
      sums.row[r][side][k] += row;
#pragma GCC unroll 4
      for (int i = 0; i < width; ++i) columns[k][i] += part[k][i];
    }
    sums.row_count[side][r] += width * kLanes<T>;
  }
  for (int k = 0; k < kNumParts; ++k)
    for (int i = 0; i < width; ++i) sums.column[v + i][side][k] += columns[k][i];
  for (int j = 0; j < width * kLanes<T>; ++j)
    sums.column_count[side][v * kLanes<T> + j] += double(end - begin);
}
template <typename T, int width>
void add_uniform(const Chunk<T>& chunk, int kind, int64_t begin, int64_t end, int v,
                 ChunkSums<T>& sums) {
  if (kind == kPositive) add_uniform<T, 0, width>(chunk, begin, end, v, sums);
  if (kind == kNegative) add_uniform<T, 1, width>(chunk, begin, end, v, sums);
}

// Pairs below the diagonal of the similarities are those above it.
template <typename T>
inline codes<T> above_diagonal(const ContrastGroup<T>& group, int64_t row, int64_t column) {
  return load(group.index + column) > code_t<T>(row) + codes<T>{};
}

template <typename T>
inline vec<T> shifts(const KindMasks<T>& masks, vec<T> positive, vec<T> negative) {
  return masks.positive ? positive : masks.negative ? negative : vec<T>{};
}

// One vector of pairs of any kinds. `largest` holds the shift of each row's exponentials if they
// need one, (2, pitch).
template <typename T>
void add_mixed(const Chunk<T>& chunk, int64_t r, int v, ChunkSums<T>& sums, const T* largest) {
  const PairwiseContrast<T>& in = chunk.in;
  const int64_t row = chunk.row + r, column = chunk.column + v * kLanes<T>;
  const KindMasks<T> masks(in, chunk.group, row, column, above_diagonal(chunk.group, row, column));
  const vec<T> s = chunk.load_similarity(r, v);
  vec<T> row_exp, column_exp;
  if (largest == nullptr) {
    row_exp = column_exp = exp_scaled<T>(s, in.inv_temperature);
  } else {
    const T *pos = largest, *neg = largest + in.pitch;
    const vec<T> x = s * in.inv_temperature;
    row_exp = exp<T>(x - shifts<T>(masks, splat<T>(pos[row]), splat<T>(neg[row])));
    column_exp = exp<T>(x - shifts<T>(masks, load(pos + column), load(neg + column)));
  }
  for (int side = 0; side < 2; ++side) {
    const codes<T> mask = side == 0 ? masks.positive : masks.negative;
    const vec<T> cost = penalty<T>(side, s, in.margin);
    const vec<T> by_row[] = {s, row_exp, cost}, by_column[] = {s, column_exp, cost};
    for (int k = 0; k < kNumParts; ++k) {
      sums.row[r][side][k] += keep<T>(by_row[k], mask);
      sums.column[v][side][k] += keep<T>(by_column[k], mask);
    }
    const vec<T> ones = keep<T>(splat<T>(T(1)), mask);
    sums.row_count[side][r] += double(sum<T>(ones));
    add_to<T>(&sums.column_count[side][v * kLanes<T>], ones);
  }
}

template <typename T>
void find_largest(const Chunk<T>& chunk, int64_t r, int v, T* largest) {
  const PairwiseContrast<T>& in = chunk.in;
  const int64_t row = chunk.row + r, column = chunk.column + v * kLanes<T>;
  const KindMasks<T> masks(in, chunk.group, row, column, above_diagonal(chunk.group, row, column));
  const vec<T> x = chunk.load_similarity(r, v) * in.inv_temperature;
  for (int side = 0; side < 2; ++side) {
    const vec<T> least = splat<T>(-kInfinity<T>);
    const vec<T> known = (side == 0 ? masks.positive : masks.negative) ? x : least;
    T* of_columns = largest + side * in.pitch + column;
    store(of_columns, max<T>(load(of_columns), known));
    T& of_row = largest[side * in.pitch + row];
    for (int lane = 0; lane < kLanes<T>; ++lane) of_row = std::max(of_row, known[lane]);
  }
}

enum class Pass { kStats, kLargest, kShiftedStats };

// A run of rows against its panel, above the diagonal.
template <typename T>
void reduce_run(const Chunk<T>& chunk, const Run& run, ChunkSums<T>& sums, Pass pass, T* largest) {
  for (int v = 0; v < chunk.vectors(); ++v) {
    const int kind = run.kind[v];
    if (kind == kIgnored) continue;
    const int64_t behind = chunk.column + v * kLanes<T> - chunk.row;  // rows of only such pairs
    const int64_t cut =
        pass == Pass::kStats && kind != kMixed ? std::clamp(behind, run.begin, run.end) : run.begin;
    if (v + 1 < kPanelVectors && run.kind[v + 1] == kind && cut == run.end) {
      add_uniform<T, 2>(chunk, kind, run.begin, cut, v++, sums);
      continue;
    }
    add_uniform<T, 1>(chunk, kind, run.begin, cut, v, sums);
    for (int64_t r = cut; r < std::min(run.end, behind + kLanes<T>); ++r) {
      if (pass == Pass::kLargest)
        find_largest(chunk, r, v, largest);
      else
        add_mixed(chunk, r, v, sums, pass == Pass::kStats ? nullptr : largest);
    }
  }
}

template <typename T>
void flush_columns(const Chunk<T>& chunk, ChunkSums<T>& sums, const Totals& totals) {
  for (int side = 0; side < 2; ++side)
    for (int v = 0; v < chunk.vectors(); ++v) {
      const int64_t column = chunk.column + v * kLanes<T>;
      double* count = &sums.column_count[side][v * kLanes<T>];
      vec<double> any{};
      for (int j = 0; j < kLanes<T>; j += kLanes<double>) any += load(count + j);
      if (sum<double>(any) == 0) continue;
      for (int j = 0; j < kLanes<T>; j += kLanes<double>)
        add_to<double>(totals.count(side, column) + j, load(count + j));
      for (int k = 0; k < kNumParts; ++k)
        add_to<T>(totals.part(k, side, column), sums.column[v][side][k]);
    }
}
template <typename T>
void flush_rows(const Chunk<T>& chunk, ChunkSums<T>& sums, const Totals& totals) {
  for (int side = 0; side < 2; ++side)
    for (int64_t r = 0; r < chunk.count; ++r) {
      if (sums.row_count[side][r] == 0) continue;
      *totals.count(side, chunk.row + r) += sums.row_count[side][r];
      for (int k = 0; k < kNumParts; ++k)
        *totals.part(k, side, chunk.row + r) += double(sum<T>(sums.row[r][side][k]));
    }
}

// Rows from `row` on against the rows from `column` to `end`.
template <typename T>
void reduce_chunk(const PairwiseContrast<T>& in, int64_t g, int64_t row, int64_t count,
                  int64_t column, int64_t end, const ColumnIds<T>& ids, Pass pass) {
  const Totals totals(in.total + g * kNumStats * in.pitch, in.pitch);
  alignas(64) T similarity[kChunk * kPanel<T>];
  ChunkSums<T> sums;
  std::fill_n(&sums.row_count[0][0], 2 * kChunk, 0.0);
  std::fill_n(&sums.row[0][0][0], count * 2 * kNumParts, vec<T>{});
  for (; column < end; column += kPanel<T>) {
    if (column + kPanel<T> <= row + 1) continue;  // below the diagonal
    const Chunk<T> chunk{in, in.group[g], row, count, column, similarity, kPanel<T>};
    Run runs[kChunk];
    const int num_runs = split(chunk, ids, runs);
    if (num_runs == 0) continue;
    multiply(chunk, true);
    std::fill_n(&sums.column_count[0][0], 2 * kPanel<T>, 0.0);
    std::fill_n(&sums.column[0][0][0], kPanelVectors * 2 * kNumParts, vec<T>{});
    for (int i = 0; i < num_runs; ++i)
      reduce_run(chunk, runs[i], sums, pass, in.largest + g * 2 * in.pitch);
    flush_columns(chunk, sums, totals);
  }
  flush_rows(Chunk<T>{in, in.group[g], row, count, 0, nullptr, 0}, sums, totals);
}

template <typename T>
void reduce_all(const PairwiseContrast<T>& in, Pass pass) {
  const int64_t team = team_size(in.pitch);
  for_all_pairs(in, team, [&](int64_t g, int64_t a, int64_t b) {
    const int64_t count = in.group[g].count;
    const int64_t end_a = std::min(count, (a + 1) * team), end_b = std::min(count, (b + 1) * team);
    const ColumnIds<T> ids(in, in.group[g], b * team, end_b);
    for (int64_t row = a * team; row < end_a; row += kChunk)
      reduce_chunk(in, g, row, std::min(kChunk, end_a - row), b * team, end_b, ids, pass);
  });
}

}  // namespace ariigcn::ARIIGCN_ISA
