// Rows that the edges of a block read again and again: where they are few neighbours, as in a
// window over a dialogue, they are copied to shared memory, a chunk of columns after the other, and
// read from there by all edges; else each edge reads its own.
#pragma once

#include "../vector.h"
#include "../warp.h"

namespace ariigcn {

constexpr int kEdgeThreads = 128;
constexpr int kEdgeWarps = kEdgeThreads / kWarpSize;

// 22 KB: with what else a block keeps there, a multiprocessor of 164 KB holds five blocks.
constexpr int kWindowVectors = 1408;

// Consecutive rows of a matrix.
struct Range {
  int first, count;
};

// How a block's threads share rows: neighbouring lanes, a power of two, take a vector each of a
// row, and so many teams take a row each.
struct Team {
  int log2_lanes;

  __device__ int lanes() const { return 1 << log2_lanes; }
  __device__ int lane() const { return int(threadIdx.x) & (lanes() - 1); }
  __device__ int index() const { return int(threadIdx.x) >> log2_lanes; }
  __device__ int count() const { return kEdgeThreads >> log2_lanes; }

  // As many lanes as rows of `width` elements have vectors, 4 to 32.
  template <typename scalar_t>
  __device__ static Team of_width(int width) {
    Team team{2};
#pragma unroll
    for (int lanes = 2; lanes < 5; ++lanes)
      if (width > kVector<scalar_t> << lanes) team.log2_lanes = lanes + 1;
    return team;
  }
};

template <typename scalar_t>
class Window {
 public:
  static constexpr int kSize = kVector<scalar_t>;

  // Rows of `width` elements, `width` apart. The more there are, the narrower is a chunk. In shared
  // memory `pad` vectors lie between two rows: with one, lanes that read the same vector of
  // neighbouring rows find it in different banks; with four, so do lanes that read four vectors of
  // a row and four of the next.
  __device__ Window(Vector<scalar_t>* memory, const scalar_t* rows, int width, bool aligned,
                    const Range& range, int pad = 1)
      : memory_(memory),
        rows_(rows + int64_t(range.first) * width),
        width_(width),
        count_(range.count),
        pad_(pad),
        aligned_(aligned) {
    team_ = Team::of_width<scalar_t>(width);
    const int widest = team_.log2_lanes;
    fits_ = range.count <= capacity(2) && widest == 2;
    // Chunks of less than 128 bytes would fetch lines of memory of which they need a part.
#pragma unroll  // so that capacities are constants
    for (int lanes = 3; lanes <= 5; ++lanes)
      if (lanes <= widest && range.count <= capacity(lanes)) {
        team_.log2_lanes = lanes;
        fits_ = true;
      }
  }

  __device__ bool fits() const { return fits_; }
  __device__ const Team& team() const { return team_; }
  __device__ int chunk() const { return kSize << team_.log2_lanes; }

  // Vectors of the chunk that begins at column k0.
  __device__ int vectors(int k0) const {
    const int left = (width_ - k0 + kSize - 1) / kSize;
    return left < team_.lanes() ? left : team_.lanes();
  }

  // Copies columns k0 .. k0 + chunk(), zeros after a row's end; all threads of the block call it
  // together. `also()` runs between the barriers, for what else is to be copied.
  template <typename Also>
  __device__ void load(int k0, const Also& also) {
    __syncthreads();  // the chunk before has been read
    also();
    if (fits_) {
      if (aligned_)
        copy<4>(k0, [&](const scalar_t* from, int left) { return load_whole(from, left > 0); });
      else
        copy<1>(k0, [](const scalar_t* from, int left) { return load_vector(from, left, false); });
    }
    __syncthreads();
  }

  // Where a row of the range lies in shared memory, in bytes from the first; and its vector `v`.
  __device__ int offset(int row) const { return row * stride() * int(sizeof(Vector<scalar_t>)); }
  __device__ const Vector<scalar_t>* loaded(int offset, int v) const {
    const auto first = reinterpret_cast<const char*>(memory_ + v);
    return reinterpret_cast<const Vector<scalar_t>*>(first + offset);
  }
  __device__ const scalar_t* in_memory(int64_t row) const { return rows_ + row * width_; }

  // Vector `v` of the chunk that begins at column k0: of the row at an offset where it `kFits`,
  // else of a row of the range.
  template <bool kFits>
  __device__ Vector<scalar_t> at(int where, int k0, int v) const {
    if constexpr (kFits) return *loaded(where, v);
    const int k = k0 + v * kSize;
    return load_vector(in_memory(where) + k, width_ - k, aligned_);
  }

 private:
  __device__ int capacity(int log2_lanes) const {
    return kWindowVectors / ((1 << log2_lanes) + pad_);
  }
  __device__ int stride() const { return team_.lanes() + pad_; }

  // Rows of load(from, columns left), of which a thread has `kInFlight` on the way at once.
  template <int kInFlight, typename Load>
  __device__ void copy(int k0, const Load& load) {
    const int k = k0 + team_.lane() * kSize, left = width_ - k;
    const int step = team_.count();
    int row = team_.index();
    const scalar_t* from = rows_ + int64_t(row) * width_ + k;
    Vector<scalar_t>* to = memory_ + row * stride() + team_.lane();
    const int64_t from_step = int64_t(step) * width_;
    const int to_step = step * stride();
    for (; row < count_; row += kInFlight * step) {
      Vector<scalar_t> v[kInFlight];
#pragma unroll
      for (int i = 0; i < kInFlight; ++i, from += from_step)
        v[i] = load(from, row + i * step < count_ ? left : 0);
#pragma unroll
      for (int i = 0; i < kInFlight; ++i, to += to_step)
        if (row + i * step < count_) *to = v[i];
    }
  }

  Vector<scalar_t>* memory_;
  const scalar_t* rows_;
  int width_, count_, pad_;
  bool aligned_, fits_;
  Team team_;
};

}  // namespace ariigcn
