// Forward: the statistics of all rows, from the upper triangle of the similarities.
#pragma once

#include "contrast_tiles.h"

namespace ariigcn::ARIIGCN_ISA {

// What a vector of pairs adds to the statistics of a kind, but for their count.
enum Part { kSum, kExp, kPenalty, kNumParts };

// Sums over pairs of a chunk of rows (a vector each, of any columns) or of a panel of columns.
template <typename T>
using PartSums = vec<T>[2][kNumParts];

// Adds to the totals of all rows of one group.
class Totals {
 public:
  Totals(double* total, int64_t pitch) : total_(total), pitch_(pitch) {}

  double* operator()(int stat, int side, int64_t row) const {
    return total_ + (stat + side) * pitch_ + row;
  }
  template <typename T>
  void add_row(const PartSums<T>& sums, int side, int64_t row) const {
    for (int k = 0; k < kNumParts; ++k) *(*this)(kStat[k], side, row) += sum<T>(sums[side][k]);
  }
  template <typename T>
  void add_columns(const vec<T>& sums, int part, int side, int64_t column) const {
    double* to = (*this)(kStat[part], side, column);
    for (int lane = 0; lane < kLanes<T>; ++lane) to[lane] += sums[lane];
  }

 private:
  static constexpr int kStat[kNumParts] = {kSumPos, kLsePos, kMarginPos};
  double* total_;
  int64_t pitch_;
};

// A chunk of rows against a panel of columns.
template <typename T>
struct Chunk {
  const PairwiseContrast<T>& in;
  const ContrastGroup<T>& group;
  int64_t row, column;  // the first ones
  const T (*similarity)[kPanel<T>];
  PartSums<T>* row_sums;     // of each row
  PartSums<T>* column_sums;  // of each vector of columns
};

template <typename T>
struct PairParts {
  vec<T> part[kNumParts];
};

template <typename T>
inline vec<T> penalty(int side, vec<T> s, T margin) {
  return side == 0 ? max<T>(s - margin, margin - s) : max<T>(s, vec<T>{});
}

// All pairs of `rows` from `begin` to `end` with the panel are of the kind of `side`.
template <typename T, int side>
void add_uniform(const Chunk<T>& chunk, int64_t begin, int64_t end) {
  constexpr int width = 2;  // vectors at a time: their sums stay in registers
  const T inv_temperature = chunk.in.inv_temperature, margin = chunk.in.margin;
  for (int v = 0; v < kPanelVectors; v += width) {
    vec<T> columns[kNumParts][width] = {};
    for (int64_t r = begin; r < end; ++r) {
      vec<T> part[kNumParts][width];
#pragma GCC unroll 4
      for (int i = 0; i < width; ++i) {
        const vec<T> s = load(chunk.similarity[r] + (v + i) * kLanes<T>);
        part[kSum][i] = s;
        part[kExp][i] = exp_scaled<T>(s, inv_temperature);
        part[kPenalty][i] = penalty<T>(side, s, margin);
      }
#pragma GCC unroll 4
      for (int k = 0; k < kNumParts; ++k) {
        chunk.row_sums[r][side][k] += part[k][0] + part[k][1];
#pragma GCC unroll 4
        for (int i = 0; i < width; ++i) columns[k][i] += part[k][i];
      }
    }
    for (int k = 0; k < kNumParts; ++k)
      for (int i = 0; i < width; ++i) chunk.column_sums[v + i][side][k] += columns[k][i];
  }
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
void add_mixed(const Chunk<T>& chunk, int64_t r, int v, const Totals& totals, const T* largest) {
  const auto& [in, group, first_row, first_column, similarity, row_sums, column_sums] = chunk;
  const int64_t row = first_row + r, column = first_column + v * kLanes<T>;
  const KindMasks<T> masks(in, group, row, column, above_diagonal(group, row, column));
  const vec<T> s = load(similarity[r] + v * kLanes<T>);
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
      row_sums[r][side][k] += keep<T>(by_row[k], mask);
      column_sums[v][side][k] += keep<T>(by_column[k], mask);
    }
    *totals(kCountPos, side, row) -= double(sum<code_t<T>>(mask));
    double* count = totals(kCountPos, side, column);
    for (int lane = 0; lane < kLanes<T>; ++lane) count[lane] -= double(mask[lane]);
  }
}

template <typename T>
void add_largest(const Chunk<T>& chunk, int64_t r, int v, T* largest) {
  const auto& [in, group, first_row, first_column, similarity, row_sums, column_sums] = chunk;
  const int64_t row = first_row + r, column = first_column + v * kLanes<T>;
  const KindMasks<T> masks(in, group, row, column, above_diagonal(group, row, column));
  const vec<T> x = load(similarity[r] + v * kLanes<T>) * in.inv_temperature;
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

// Rows `row`.. (at most kChunk) against the rows from `column` to `end`.
template <typename T>
void reduce_chunk(const PairwiseContrast<T>& in, int64_t g, int64_t row, int64_t count,
                  int64_t column, int64_t end, Pass pass) {
  const ContrastGroup<T>& group = in.group[g];
  const Totals totals(in.total + g * kNumStats * in.pitch, in.pitch);
  T* largest = in.largest + g * 2 * in.pitch;
  PartSums<T> row_sums[kChunk] = {};
  for (; column < end; column += kPanel<T>) {
    if (column + kPanel<T> <= row + 1) continue;  // below the diagonal
    const PanelKinds<T> kinds(in, group, column);
    const bool inside = pass == Pass::kStats && column >= row + count && column + kPanel<T> <= group.count;
    int kind[kChunk + 1];
    bool any = false;
    for (int64_t r = 0; r < count; ++r) {
      kind[r] = kinds(row + r);
      any |= kind[r] != kIgnored;
      if (!inside && kind[r] != kIgnored) kind[r] = kMixed;
    }
    kind[count] = -1;
    if (!any) continue;
    alignas(64) T similarity[kChunk][kPanel<T>] = {};
    PartSums<T> column_sums[kPanelVectors] = {};
    add_similarities(in, group, row, count, column, [&](int64_t r) { return similarity[r]; });
    const Chunk<T> chunk{in, group, row, column, similarity, row_sums, column_sums};
    for (int64_t begin = 0, stop; begin < count; begin = stop) {
      for (stop = begin + 1; kind[stop] == kind[begin]; ++stop) {
      }
      if (kind[begin] == kPositive) add_uniform<T, 0>(chunk, begin, stop);
      if (kind[begin] == kNegative) add_uniform<T, 1>(chunk, begin, stop);
      if (kind[begin] == kMixed)
        for (int64_t r = begin; r < stop; ++r)
          for (int v = 0; v < kPanelVectors && column + v * kLanes<T> < group.count; ++v)
            if (pass == Pass::kLargest)
              add_largest(chunk, r, v, largest);
            else
              add_mixed(chunk, r, v, totals, pass == Pass::kStats ? nullptr : largest);
      if (kind[begin] == kPositive || kind[begin] == kNegative) {
        const int side = kind[begin] == kNegative;
        for (int64_t r = begin; r < stop; ++r) *totals(kCountPos, side, row + r) += kPanel<T>;
        for (int64_t j = 0; j < kPanel<T>; ++j)
          *totals(kCountPos, side, column + j) += double(stop - begin);
      }
    }
    for (int v = 0; v < kPanelVectors; ++v)
      for (int side = 0; side < 2; ++side)
        for (int k = 0; k < kNumParts; ++k)
          totals.add_columns<T>(column_sums[v][side][k], k, side, column + v * kLanes<T>);
  }
  for (int64_t r = 0; r < count; ++r)
    for (int side = 0; side < 2; ++side) totals.add_row<T>(row_sums[r], side, row + r);
}

// Larger teams read packed rows less often, smaller ones keep many threads busy.
inline int64_t team_size(int64_t rows) {
  return rows < 1024 ? kBlock : rows < 16384 ? 2 * kBlock : 4 * kBlock;
}

template <typename T>
void reduce_all(const PairwiseContrast<T>& in, Pass pass) {
  const int64_t team = team_size(in.pitch);
  for_all_pairs(in, team, [&](int64_t g, int64_t a, int64_t b) {
    const int64_t count = in.group[g].count;
    const int64_t end = std::min(count, (a + 1) * team);
    for (int64_t row = a * team; row < end; row += kChunk)
      reduce_chunk(in, g, row, std::min(kChunk, end - row), b * team,
                   std::min(count, (b + 1) * team), pass);
  });
}

}  // namespace ariigcn::ARIIGCN_ISA
