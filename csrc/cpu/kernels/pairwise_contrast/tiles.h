// Similarities of a chunk of rows with a panel of columns, and of what kind they are.
#pragma once

#include "rows.h"

namespace ariigcn::ARIIGCN_ISA {

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

// Fills in the similarities; with `upper`, those above the diagonal at least.
template <typename T>
void multiply(const Chunk<T>& chunk, bool upper) {
  const int64_t depth = chunk.in.width, pitch = chunk.vectors() * kLanes<T>;
  const T* panel = chunk.group.columns + chunk.column * round_to_lanes<T>(depth);
  for (int64_t r = 0; r < chunk.count; r += kTileRows) {
    const int64_t first = chunk.first_vector(r, upper) * kLanes<T>;
    if (first >= pitch) return;
    multiply_panel<T>(
        std::min<int64_t>(kTileRows, chunk.count - r), depth,
        [&](int64_t m) { return row_of(chunk.in, chunk.group, chunk.row + r + m); }, panel + first,
        pitch, pitch - first,
        [&](int64_t m) { return chunk.similarity + (r + m) * chunk.stride + first; }, false,
        [](int64_t) {});
  }
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
