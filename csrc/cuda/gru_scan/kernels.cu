// A GRU's recurrence. A block owns a few sequences of one direction and walks over all time steps;
// the direction's weight lies in its shared memory, a thread owns one of the weight's 3 H rows
// (backward: a third of a column). Sums have a fixed order, whatever the number of blocks.
#include "launchers.h"

#include <cmath>

#include "../dynamic_shared.h"
#include "../instantiate.h"
#include "../warp.h"

namespace ariigcn {
namespace {

constexpr int kMostSequences = 4;     // of a block: registers hold a sum for each
constexpr int64_t kBusyBlocks = 128;  // about as many as a large device has multiprocessors
constexpr int kPack = 4;              // columns that a thread reads at once

__host__ __device__ inline int64_t padded_width(int64_t width) {
  return (width + kPack - 1) / kPack * kPack;
}

template <typename value_t>
struct alignas(kPack * sizeof(value_t) > 16 ? 16 : kPack * sizeof(value_t)) Pack {
  value_t at[kPack];
};

// The shared memory of a block.
template <typename scalar_t>
struct GruMemory {
  using acc = acc_t<scalar_t>;
  acc* state;        // forward: [sequence][H]; backward: gate gradients [sequence][gate][H]
  acc* row;          // [sequence][3 H]: gates, or parts of sums
  scalar_t* matrix;  // [H / kPack][3 H][kPack]

  static constexpr int64_t kNumbers = 2 * kGruGates;  // at most, for each column of a sequence

  __device__ explicit GruMemory(int64_t width) {
    state = reinterpret_cast<acc*>(dynamic_shared());
    row = state + kMostSequences * kGruGates * padded_width(width);
    matrix = reinterpret_cast<scalar_t*>(row + kMostSequences * kGruGates * padded_width(width));
  }
  static int64_t bytes(int64_t width) {
    const int64_t padded = padded_width(width);
    return kMostSequences * kNumbers * padded * int64_t(sizeof(acc)) +
           padded * kGruGates * width * int64_t(sizeof(scalar_t));
  }

  // Where row r of the 3 H has its number k.
  __device__ scalar_t& at(int k, int r, int rows) const {
    return matrix[(k / kPack * rows + r) * kPack + k % kPack];
  }

  // sum[q] += row r of the matrix . numbers[q * stride ..]
  template <int kSequences>
  __device__ void add_product(int r, int rows, int padded, const acc* numbers, int stride,
                              acc (&sum)[kSequences]) const {
    const auto* packs = reinterpret_cast<const Pack<scalar_t>*>(matrix) + r;
#pragma unroll 2
    for (int k = 0; k < padded; k += kPack, packs += rows) {
      const Pack<scalar_t> w = *packs;
#pragma unroll
      for (int q = 0; q < kSequences; ++q) {
        const auto x = *reinterpret_cast<const Pack<acc>*>(numbers + q * stride + k);
#pragma unroll
        for (int e = 0; e < kPack; ++e) sum[q] += acc(w.at[e]) * x.at[e];
      }
    }
  }
};

template <typename value_t>
__device__ value_t sigmoid(value_t x) {
  return 1 / (1 + std::exp(-x));
}

// What a block works on: sequences first .. first + count - 1 of a direction.
template <typename scalar_t, int kSequences>
struct GruItem {
  const GruScan<scalar_t>& n;
  int64_t direction, first, count;

  __device__ GruItem(const GruScan<scalar_t>& scan, int64_t item) : n(scan) {
    const int64_t items = (n.sequences + kSequences - 1) / kSequences;
    direction = item / items;
    first = item % items * kSequences;
    count = n.sequences - first < kSequences ? n.sequences - first : kSequences;
  }
  // Entry of (D, steps, B) of one of its sequences, the last one for those that are not there.
  __device__ int64_t entry(int64_t steps, int64_t step, int q) const {
    const int64_t sequence = first + (q < count ? q : count - 1);
    return (direction * steps + step) * n.sequences + sequence;
  }
  __device__ int64_t entry(int64_t step, int q) const { return entry(n.steps, step, q); }
  __device__ int64_t state(int64_t step, int q) const { return entry(n.steps + 1, step, q); }
  // The rows that its sequences read at a time step, -1 where there is none.
  __device__ void read_rows(int64_t step, int (&rows)[kSequences]) const {
#pragma unroll
    for (int q = 0; q < kSequences; ++q)
      rows[q] = step >= 0 && step < n.steps ? int(n.rows[entry(step, q)]) : -1;
  }
  // Where such a row is in (N, D, ...).
  __device__ int64_t place(int row) const { return int64_t(row) * n.directions + direction; }
};

// Makes the rows of the next time step those of this one.
template <int kSequences>
__device__ void advance(int (&row)[kSequences], int (&next)[kSequences],
                        const int (&later)[kSequences]) {
#pragma unroll
  for (int q = 0; q < kSequences; ++q) {
    row[q] = next[q];
    next[q] = later[q];
  }
}

template <typename scalar_t, int kSequences>
__global__ void __launch_bounds__(kMostGruThreads<scalar_t>, 1)
    gru_scan_kernel(const __grid_constant__ GruForward<scalar_t> op, int64_t items) {
  begin_after_previous();
  using acc = acc_t<scalar_t>;
  const GruScan<scalar_t>& n = op.scan;
  const int width = int(n.width), rows = kGruGates * width, padded = int(padded_width(width));
  const int r = int(threadIdx.x), gate = r / width, j = r - gate * width;
  const bool owns = r < rows;
  const GruMemory<scalar_t> memory(n.width);
  for (int64_t item = blockIdx.x; item < items; item += gridDim.x) {
    const GruItem<scalar_t, kSequences> own(n, item);
    __syncthreads();  // the item before has been read
    const scalar_t* __restrict__ weight = n.weight + own.direction * rows * width;
    for (int at = r; at < rows * padded; at += int(blockDim.x)) {
      const int row = at / padded, k = at - row * padded;
      memory.at(k, row, rows) = k < width ? weight[row * width + k] : scalar_t(0.0f);
    }
    for (int at = r; at < kSequences * padded; at += int(blockDim.x)) memory.state[at] = acc(0);
    for (int q = 0; q < own.count && r < width; ++q)
      op.states[own.state(0, q) * width + r] = scalar_t(0.0f);
    const acc bias = owns ? acc(op.bias[own.direction * rows + r]) : acc(0);
    // Rows are read two steps ahead, as what lies there is read one step ahead.
    int row[kSequences], next[kSequences], later[kSequences];
    acc x[kSequences] = {};
    const auto read_inputs = [&](const int (&from)[kSequences]) {
      if (!owns) return;
#pragma unroll
      for (int q = 0; q < kSequences; ++q)
        x[q] = from[q] < 0 ? acc(0) : acc(op.inputs[own.place(from[q]) * rows + r]);
    };
    own.read_rows(0, row);
    own.read_rows(1, next);
    read_inputs(row);
    __syncthreads();
    for (int64_t step = 0; step < n.steps; ++step) {
      acc sum[kSequences], input[kSequences];
#pragma unroll
      for (int q = 0; q < kSequences; ++q) {
        sum[q] = bias;
        input[q] = x[q];
      }
      read_inputs(next);  // while this step's products are added up
      own.read_rows(step + 2, later);
      if (owns) {
        memory.add_product(r, rows, padded, memory.state, padded, sum);
        if (gate < 2) {
#pragma unroll
          for (int q = 0; q < kSequences; ++q) {
            const acc value = sigmoid(input[q] + sum[q]);
            memory.row[q * rows + r] = value;
            if (q < own.count) op.gates[own.entry(step, q) * 4 * width + r] = scalar_t(value);
          }
        }
      }
      __syncthreads();  // the gates are there, and the state has been read
      if (owns && gate == 2) {
#pragma unroll
        for (int q = 0; q < kSequences; ++q) {
          const acc reset = memory.row[q * rows + j], update = memory.row[q * rows + width + j];
          const acc value = std::tanh(input[q] + reset * sum[q]);
          const acc before = memory.state[q * padded + j];
          const acc state = value + update * (before - value);
          memory.state[q * padded + j] = state;
          if (q < own.count) {
            const int64_t at = own.entry(step, q);
            if (row[q] >= 0) op.out[own.place(row[q]) * width + j] = scalar_t(state);
            op.states[own.state(step + 1, q) * width + j] = scalar_t(state);
            op.gates[at * 4 * width + 2 * width + j] = scalar_t(value);
            op.gates[at * 4 * width + 3 * width + j] = scalar_t(sum[q]);
          }
        }
      }
      advance(row, next, later);
      __syncthreads();
    }
  }
}

// What a step's gradients need, of one column of a sequence.
template <typename acc>
struct GruStep {
  acc grad, reset, update, value, from_state, before;
};

template <typename scalar_t, int kSequences>
__global__ void __launch_bounds__(kMostGruThreads<scalar_t>, 1)
    gru_scan_backward_kernel(const __grid_constant__ GruBackward<scalar_t> op, int64_t items) {
  begin_after_previous();
  using acc = acc_t<scalar_t>;
  const GruScan<scalar_t>& n = op.scan;
  const int width = int(n.width), rows = kGruGates * width, padded = int(padded_width(width));
  const int r = int(threadIdx.x), gate = r / width, j = r - gate * width;
  const bool owns = r < rows;
  const GruMemory<scalar_t> memory(n.width);
  for (int64_t item = blockIdx.x; item < items; item += gridDim.x) {
    const GruItem<scalar_t, kSequences> own(n, item);
    __syncthreads();
    // Row (gate, j) gets what state j had of the arguments (gate, i): weight[gate, i][j].
    const scalar_t* __restrict__ weight = n.weight + own.direction * rows * width;
    for (int at = r; at < padded * rows; at += int(blockDim.x)) {
      const int i = at / rows, row = at - i * rows, of_gate = row / width;
      memory.at(i, row, rows) = i < width
                                    ? weight[(of_gate * width + i) * width + row - of_gate * width]
                                    : scalar_t(0.0f);
    }
    for (int at = r; at < kSequences * kGruGates * padded; at += int(blockDim.x))
      memory.state[at] = acc(0);
    for (int at = r; at < kSequences * rows; at += int(blockDim.x)) memory.row[at] = acc(0);
    GruStep<acc> next[kSequences];
    int row[kSequences], next_row[kSequences], later[kSequences];
    const auto read = [&](int64_t step, const int (&from)[kSequences]) {
      if (r >= width || step < 0) return;
#pragma unroll
      for (int q = 0; q < kSequences; ++q) {
        const scalar_t* __restrict__ gates = op.gates + own.entry(step, q) * 4 * width + j;
        next[q] = {from[q] < 0 ? acc(0) : acc(op.grad[own.place(from[q]) * width + j]),
                   acc(gates[0]),
                   acc(gates[width]),
                   acc(gates[2 * width]),
                   acc(gates[3 * width]),
                   acc(op.states[own.state(step, q) * width + j])};
      }
    };
    own.read_rows(n.steps - 1, row);
    own.read_rows(n.steps - 2, next_row);
    acc carried[kSequences] = {};  // what the state's own copy brings back, of column j
    read(n.steps - 1, row);
    __syncthreads();
    for (int64_t step = n.steps - 1; step >= 0; --step) {
      if (r < width) {
#pragma unroll
        for (int q = 0; q < kSequences; ++q) {
          const GruStep<acc> s = next[q];
          const acc* part = memory.row + q * rows;
          const acc grad = s.grad + (part[j] + part[width + j] + part[2 * width + j]) + carried[q];
          const acc of_new = grad * (1 - s.update) * (1 - s.value * s.value);
          const acc of_reset = of_new * s.from_state * s.reset * (1 - s.reset);
          const acc of_update = grad * (s.before - s.value) * s.update * (1 - s.update);
          const acc of_state = of_new * s.reset;
          acc* gates = memory.state + q * kGruGates * padded;
          gates[j] = of_reset;
          gates[padded + j] = of_update;
          gates[2 * padded + j] = of_state;
          carried[q] = grad * s.update;
          if (q < own.count) {
            scalar_t* recurrent = op.recurrent + own.entry(step, q) * rows + j;
            recurrent[0] = scalar_t(of_reset);
            recurrent[width] = scalar_t(of_update);
            recurrent[2 * width] = scalar_t(of_state);
            if (row[q] >= 0) {
              scalar_t* inputs = op.grad_inputs + own.place(row[q]) * rows + j;
              inputs[0] = scalar_t(of_reset);
              inputs[width] = scalar_t(of_update);
              inputs[2 * width] = scalar_t(of_new);  // which r does not multiply
            }
          }
        }
      }
      read(step - 1, next_row);  // while this step's products are added up
      own.read_rows(step - 2, later);
      __syncthreads();
      if (owns) {
        acc sum[kSequences] = {};
        memory.add_product(r, rows, padded, memory.state + gate * padded, kGruGates * padded, sum);
#pragma unroll
        for (int q = 0; q < kSequences; ++q) memory.row[q * rows + r] = sum[q];
      }
      advance(row, next_row, later);
      __syncthreads();
    }
  }
}

// Calls `launch(constant)` with how many sequences a block owns: more of them read each weight once
// for all, fewer leave no multiprocessor idle. The sums do not depend on it.
template <typename Launch>
cudaError_t with_sequences(int64_t directions, int64_t sequences, const Launch& launch) {
  const auto fills = [&](int64_t count) {
    return directions * ((sequences + count - 1) / count) >= kBusyBlocks;
  };
  if (fills(4)) return launch(std::integral_constant<int, 4>{});
  if (fills(2)) return launch(std::integral_constant<int, 2>{});
  return launch(std::integral_constant<int, 1>{});
}

template <typename scalar_t, typename Kernel, typename Op>
cudaError_t run(const Op& op, const Kernel& kernel_of, cudaStream_t stream) {
  const GruScan<scalar_t>& n = op.scan;
  if (kGruGates * n.width > kMostGruThreads<scalar_t>) return cudaErrorInvalidValue;
  const int threads = int((kGruGates * n.width + kWarpSize - 1) / kWarpSize * kWarpSize);
  return with_sequences(n.directions, n.sequences, [&](auto count) {
    const int64_t items = n.directions * ((n.sequences + count.value - 1) / count.value);
    return launch_with_shared(items, threads, gru_scan_bytes<scalar_t>(n.width), stream,
                              kernel_of(count), op, items);
  });
}

}  // namespace

template <typename scalar_t>
int64_t gru_scan_bytes(int64_t width) {
  return GruMemory<scalar_t>::bytes(width);
}

template <typename scalar_t>
cudaError_t launch_gru_scan(const GruForward<scalar_t>& op, cudaStream_t stream) {
  return run<scalar_t>(
      op, [](auto count) { return gru_scan_kernel<scalar_t, count.value>; }, stream);
}

template <typename scalar_t>
cudaError_t launch_gru_scan_backward(const GruBackward<scalar_t>& op, cudaStream_t stream) {
  return run<scalar_t>(
      op, [](auto count) { return gru_scan_backward_kernel<scalar_t, count.value>; }, stream);
}

#define INSTANTIATE(scalar_t)                                                      \
  template int64_t gru_scan_bytes<scalar_t>(int64_t);                              \
  template cudaError_t launch_gru_scan(const GruForward<scalar_t>&, cudaStream_t); \
  template cudaError_t launch_gru_scan_backward(const GruBackward<scalar_t>&, cudaStream_t);
FOR_SCALARS(INSTANTIATE)

}  // namespace ariigcn
