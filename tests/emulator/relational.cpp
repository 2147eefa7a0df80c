#include "relational.h"

#include <cuda_runtime_api.h>

#include <cmath>
#include <cstdlib>
#include <memory>
#include <vector>

#include "cuda/relational_attention/launchers.h"
#include "cuda/relational_attention/product_tile.h"
#include "types.h"

namespace {
using namespace ariigcn;

template <typename scalar_t>
void assign(const scalar_t*& to, const void* from) {
  to = static_cast<const scalar_t*>(from);
}
template <typename scalar_t>
void assign(scalar_t*& to, void* from) {
  to = static_cast<scalar_t*>(from);
}

GraphPlan graph_of(const int64_t* n, const int32_t* plan) {
  GraphPlan graph{{n[0], n[1], n[2], n[3], n[4], n[5]}};
  graph.lie_in(plan);
  return graph;
}

template <typename scalar_t>
RelationalForward<scalar_t> forward_of(const RelationalSizes& n, const RelationalTensors& t,
                                       double slope, double keep) {
  RelationalForward<scalar_t> op{};
  op.graph = graph_of(n.graph, t.plan);
  op.modalities = n.modalities;
  op.groups = n.modalities * n.heads;
  op.heads = n.heads;
  op.in_feats = n.in_feats;
  op.attn_feats = n.attn_feats;
  op.attn_pitch = n.attn_pitch;
  op.out_feats = n.out_feats;
  op.activation = Activation(n.activation);
  op.slope = slope;
  op.keep = acc_t<scalar_t>(keep);
  op.seed = t.seed;
  op.normalise = n.normalise != 0;
  op.gelu = n.gelu != 0;
  op.within_relation = n.within_relation != 0;
  op.fp32_precision = Fp32Precision(n.fp32_precision);
  assign(op.dst_feat, t.dst_feat);
  assign(op.src_feat, t.src_feat);
  assign(op.weight_dst, t.weight_dst);
  assign(op.weight_src, t.weight_src);
  assign(op.score, t.score);
  assign(op.bias, t.bias);
  assign(op.edge_weight, t.edge_weight);
  assign(op.rel_weight, t.rel_weight);
  assign(op.out, t.out);
  assign(op.alpha, t.alpha);
  assign(op.u, t.u);
  assign(op.v, t.v);
  assign(op.gelu_grad, t.gelu_grad);
  return op;
}

// Arrays of exactly the sizes asked for, full of NaN.
class Scratch {
 public:
  template <typename value_t>
  void take(value_t*& pointer, int64_t count) {
    void* memory = nullptr;
    if (posix_memalign(&memory, 16, count * sizeof(value_t)) != 0) std::abort();
    memory_.emplace_back(memory, std::free);
    pointer = static_cast<value_t*>(memory);
    for (int64_t k = 0; k < count; ++k) pointer[k] = value_t(NAN);
  }

 private:
  std::vector<std::unique_ptr<void, void (*)(void*)>> memory_;
};

}  // namespace

void set_max_blocks(unsigned blocks) { emulator::max_blocks = blocks; }
void set_many_tiles(int64_t tiles) { many_tiles = tiles; }
void set_most_block_edges(int edges, int means) { most_block_edges = {edges, means}; }
unsigned launch_count() { return emulator::launches; }

int relational_forward(int dtype, const RelationalSizes* sizes, const RelationalTensors* tensors,
                       double slope, double keep) {
  return for_floating(dtype, [&](auto t) {
    auto op = forward_of<decltype(t)>(*sizes, *tensors, slope, keep);
    Scratch scratch;
    op.allocate_scratch([&](auto& pointer, int64_t count) { scratch.take(pointer, count); });
    return launch_relational_forward(op, nullptr);
  });
}

int relational_backward(int dtype, const RelationalSizes* sizes, const RelationalTensors* tensors,
                        double slope, double keep, const RelationalGrads* grads) {
  return for_floating(dtype, [&](auto t) {
    RelationalBackward<decltype(t)> op{};
    op.forward = forward_of<decltype(t)>(*sizes, *tensors, slope, keep);
    op.shared = sizes->shared != 0;
    assign(op.grad_out, grads->grad_out);
    assign(op.grad_alpha, grads->grad_alpha);
    assign(op.dst_feat, grads->dst_feat);
    assign(op.src_feat, grads->src_feat);
    assign(op.weight_dst, grads->weight_dst);
    assign(op.weight_src, grads->weight_src);
    assign(op.score, grads->score);
    assign(op.rel_weight, grads->rel_weight);
    assign(op.bias, grads->bias);
    assign(op.edge_weight, grads->edge_weight);
    Scratch scratch;
    op.allocate_scratch([&](auto& pointer, int64_t count) { scratch.take(pointer, count); });
    return launch_relational_backward(op, nullptr);
  });
}
