// Scores of edges: activations of sums of two rows (and a bias), times the score vector.
#pragma once

#include "../mma.h"
#include "edge_block.h"

namespace ariigcn {

// Whether a warp scores 8 edges at a time, on pairs of halves and tensor cores.
template <typename scalar_t, typename Act>
constexpr bool kInPairs =
    kTensorCores && sizeof(scalar_t) == 2 && std::is_same_v<Act, LeakyRelu<acc_t<scalar_t>>>;

// The rows of an edge, from column k0 on.
template <typename scalar_t, bool kFits, Biased kBiased>
class EdgeRows {
 public:
  __device__ EdgeRows(const RelationalForward<scalar_t>& op, const scalar_t* u,
                      const Window<scalar_t>& v, const Range& sources, int k0, int e) {
    const int64_t p = op.graph.edge_seg[e];
    const int row = int(op.graph.indices[e]) - sources.first;
    u_ = vectors(u + op.graph.seg_dst[p] * op.attn_pitch + k0);
    v_ = kFits ? v.loaded(v.offset(row), 0) : vectors(v.in_memory(row) + k0);
    if constexpr (kBiased != Biased::kNo) relation_ = int(op.graph.seg_rel[p]);
  }

  __device__ const Vector<scalar_t>& u(int i) const { return u_[i]; }
  __device__ const Vector<scalar_t>& v(int i) const { return v_[i]; }
  __device__ int relation() const { return relation_; }

 private:
  // Rows of u and v are whole vectors.
  __device__ static const Vector<scalar_t>* vectors(const scalar_t* row) {
    return reinterpret_cast<const Vector<scalar_t>*>(row);
  }

  const Vector<scalar_t>*u_, *v_;
  int relation_ = 0;
};

// The scores of a block, a chunk of columns after the other.
template <bool kHasBias, typename scalar_t, typename Act>
class EdgeScores {
 public:
  using acc = acc_t<scalar_t>;

  __device__ EdgeScores(const RelationalForward<scalar_t>& op, const Act& act,
                        const TargetBlock& block, const Window<scalar_t>& v, const Range& sources,
                        const Vector<scalar_t>* score)
      : op_(op),
        act_(act),
        block_(block),
        v_(v),
        sources_(sources),
        score_(score),
        u_(op.u + block.group * op.graph.num_dst * op.attn_pitch),
        bias_(op, block.group) {}

  // Adds the columns from k0 on to the numbers of the edges, and begins with those at 0.
  __device__ void add(int k0, const BlockEdges<acc>& edges) const {
    with_flag(v_.fits(), [&](auto fits) {
      with_bias<kHasBias>(bias_.aligned, [&](auto biased) {
        constexpr bool kFits = decltype(fits)::value;
        constexpr Biased kBiased = decltype(biased)::value;
        if constexpr (kInPairs<scalar_t, Act>)
          with_flag(act_.slope != 0, [&](auto linear) {
            add_pairs<kFits, kBiased, decltype(linear)::value>(k0, edges);
          });
        else
          add_each<kFits, kBiased>(k0, edges);
      });
    });
  }

 private:
  __device__ static void add_to(const BlockEdges<acc>& edges, int e, int k0, acc part) {
    edges.set(e, k0 == 0 ? part : edges.get(e) + part);
  }

  // A thread owns every 128th edge.
  template <bool kFits, Biased kBiased>
  __device__ void add_each(int k0, const BlockEdges<acc>& edges) const {
    constexpr int kSize = kVector<scalar_t>;
    constexpr int kUnroll = kBiased != Biased::kNo ? 1 : std::is_same_v<scalar_t, float> ? 4 : 2;
    const int vectors = v_.vectors(k0);
    for (int e = block_.edge + int(threadIdx.x); e < block_.edge_end; e += kEdgeThreads) {
      const EdgeRows<scalar_t, kFits, kBiased> rows(op_, u_, v_, sources_, k0, e);
      typename Act::Sum sum;
#pragma unroll kUnroll
      for (int v = 0; v < vectors; ++v) {
        const Vector<scalar_t> x = rows.u(v), y = rows.v(v), w = score_[v];
        Vector<scalar_t> b;
        if constexpr (kBiased != Biased::kNo)
          b = bias_.template at<kBiased == Biased::kAligned>(rows.relation(), k0 + v * kSize);
#pragma unroll
        for (int i = 0; i < kSize; ++i) {
          acc t = x.wide(i) + y.wide(i);
          if constexpr (kBiased != Biased::kNo) t += b.wide(i);
          act_.add(sum, w.wide(i), t);
        }
      }
      add_to(edges, e, k0, act_.total(sum));
    }
  }

  // A warp owns 8 edges, four lanes each: they add rows two columns at once, cut the sums off at 0
  // in passing, and leave the products with the score vector to tensor cores. So sums of rows are
  // rounded to halves, as u and v are; products are not, and are added up in float.
  //
  // Lane q takes the vectors 8 n + q and 8 n + 4 + q of its edge. They are rows r and r + 8 of the
  // first factor, and even columns of the second hold the score vector's part for the one, odd
  // columns that for the other: of the result the places (r, 0) and (r + 8, 1) are used, which lane
  // 0 of an edge holds. The order of columns is free; a vector's words 0 and 1 are those of one
  // product, 2 and 3 those of the next.
  template <bool kFits, Biased kBiased, bool kLinear>
  __device__ void add_pairs(int k0, const BlockEdges<acc>& edges) const {
    constexpr int kEdges = 8;
    const int vectors = v_.vectors(k0), r = lane() / 4, q = lane() % 4, last = block_.edge_end - 1;
    const Vector<scalar_t>* score = score_ + r % 2 * 4;
    for (int first = block_.edge + warp_in_block() * kEdges; first <= last;
         first += kEdgeWarps * kEdges) {
      // Edges after the last are scored as the last is, and dropped.
      const int e = first + r;
      const EdgeRows<scalar_t, kFits, kBiased> rows(op_, u_, v_, sources_, k0, e < last ? e : last);
      MmaC linear, positive;
      int v = q;
#pragma unroll kBiased == Biased::kNo ? 2 : 1
      for (; v < vectors - 7 + q; v += 8)
        add_product<kLinear>(addends(rows, k0, v), ~0u, addends(rows, k0, v + 4), ~0u, score[v],
                             linear, positive);
      // In place of vectors after the last it is repeated, and its sums are dropped.
      if (vectors % 8 != 0) {
        const auto inside = [&](int i) { return i < vectors ? i : vectors - 1; };
        const auto mask = [&](int i) { return i < vectors ? ~0u : 0u; };
        add_product<kLinear>(addends(rows, k0, inside(v)), mask(v),
                             addends(rows, k0, inside(v + 4)), mask(v + 4), score[v], linear,
                             positive);
      }
      acc part = positive.at[0] + positive.at[3];
      if constexpr (kLinear)
        part = (1 - act_.slope) * part + act_.slope * (linear.at[0] + linear.at[3]);
      if (q == 0 && e <= last) add_to(edges, e, k0, part);
    }
  }

  struct Addends {
    Vector<scalar_t> x, y;
  };
  template <bool kFits, Biased kBiased>
  __device__ Addends addends(const EdgeRows<scalar_t, kFits, kBiased>& rows, int k0, int v) const {
    Addends of{rows.u(v), rows.v(v)};
    if constexpr (kBiased != Biased::kNo) {
      const Vector<scalar_t> b = bias_.template at<kBiased == Biased::kAligned>(
          rows.relation(), k0 + v * kVector<scalar_t>);
#pragma unroll
      for (int i = 0; i < 4; ++i) of.x.word[i] = ptx::add_halves<scalar_t>(of.x.word[i], b.word[i]);
    }
    return of;
  }

  // Adds the products of an edge's sums, and of those cut off at 0, with the score vector.
  template <bool kLinear>
  __device__ static void add_product(const Addends& low, uint32_t low_mask, const Addends& high,
                                     uint32_t high_mask, const Vector<scalar_t>& score,
                                     MmaC& linear, MmaC& positive) {
#pragma unroll
    for (int i = 0; i < 4; i += 2) {
      const MmaB<scalar_t> b{{score.word[i], score.word[i + 1]}};
      const auto product = [&](MmaC& to, const auto& sum) {
        mma(to,
            MmaA<scalar_t>{{sum(low.x.word[i], low.y.word[i]) & low_mask,
                            sum(high.x.word[i], high.y.word[i]) & high_mask,
                            sum(low.x.word[i + 1], low.y.word[i + 1]) & low_mask,
                            sum(high.x.word[i + 1], high.y.word[i + 1]) & high_mask}},
            b);
      };
      product(positive, ptx::add_halves_relu<scalar_t>);
      if constexpr (kLinear) product(linear, ptx::add_halves<scalar_t>);
    }
  }

  const RelationalForward<scalar_t>& op_;
  const Act& act_;
  const TargetBlock& block_;
  const Window<scalar_t>& v_;
  const Range& sources_;
  const Vector<scalar_t>* score_;
  const scalar_t* u_;
  Bias<scalar_t> bias_;
};

}  // namespace ariigcn
