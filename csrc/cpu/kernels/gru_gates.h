// One step of a GRU's cell, given what inputs and state add to its gates.
#pragma once

#include "parallel.h"

namespace ariigcn::ARIIGCN_ISA {

constexpr int64_t kGateRows = 8;  // of a task: a row of 500 columns takes microseconds

template <typename T>
inline vec<T> sigmoid(vec<T> x) {
  return 1 / (1 + exp<T>(-x));
}

template <typename T>
void gru_gates(const GruGates<T>& in) {
  run_ranges(in.rows, kGateRows, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      T *r = in.gates(row), *z = r + in.width, *n = z + in.width, *u = n + in.width;
      const T *state = in.state(row), *kept = in.kept.data ? in.kept(row) : nullptr;
      T* out = in.out(row);
      for_vectors<T>(in.width, [&](int64_t k, auto at) {
        const vec<T> reset = sigmoid<T>(at(r + k)), update = sigmoid<T>(at(z + k));
        const vec<T> fresh = tanh<T>(at(n + k) + reset * at(u + k));
        const vec<T> next = fresh + update * (at(state + k) - fresh);
        at(r + k, reset), at(z + k, update), at(n + k, fresh);
        at(out + k, kept ? next * at(kept + k) : next);
      });
    }
  });
}

template <typename T>
void gru_gates_backward(const GruGatesGrad<T>& in) {
  run_ranges(in.rows, kGateRows, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const T *r = in.gates(row), *z = r + in.width, *n = z + in.width, *u = n + in.width;
      const T *grad = in.grad(row), *state = in.state(row);
      const T* kept = in.kept.data ? in.kept(row) : nullptr;
      T *of_r = in.grad_gates(row), *of_z = of_r + in.width, *of_n = of_z + in.width;
      T *of_u = of_n + in.width, *of_state = in.grad_state(row);
      for_vectors<T>(in.width, [&](int64_t k, auto at) {
        const vec<T> fresh = at(n + k), reset = at(r + k), update = at(z + k);
        const vec<T> of_next = kept ? at(grad + k) * at(kept + k) : at(grad + k);
        const vec<T> stays = of_next * update;
        const vec<T> of_fresh = (of_next - stays) * (1 - fresh * fresh),
                     of_added = of_fresh * reset;
        at(of_n + k, of_fresh);
        at(of_r + k, of_added * at(u + k) * (1 - reset));
        at(of_z + k, stays * (1 - update) * (at(state + k) - fresh));
        at(of_u + k, of_added);
        at(of_state + k, stays);
      });
    }
  });
}

}  // namespace ariigcn::ARIIGCN_ISA
