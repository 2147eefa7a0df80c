// Builds the windowed speaker-relation graph of a batch of dialogues, and the index structure
// (segments, transpose) that the kernels read, from any CSR.
#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

namespace {
using torch::stable::Tensor;

// Relations between a source j and a target i. `num_speakers` 0: same/other speaker x past/future,
// then self. S > 0: ordered pair of speakers (numbered by first appearance) x past/future, then
// self.
struct Relations {
  int64_t num_speakers;

  int64_t of(int64_t source, int64_t target, int64_t speaker_j, int64_t speaker_i) const {
    const int64_t pairs = num_speakers == 0 ? 2 : num_speakers * num_speakers;
    if (source == target) return 2 * pairs;
    const int64_t pair =
        num_speakers == 0 ? int64_t(speaker_j != speaker_i) : speaker_j * num_speakers + speaker_i;
    return 2 * pair + int64_t(source > target);
  }
};

std::vector<int64_t> number_by_appearance(const int64_t* speakers, int64_t length) {
  std::vector<int64_t> seen, local(length);
  for (int64_t t = 0; t < length; ++t) {
    const auto found = std::find(seen.begin(), seen.end(), speakers[t]);
    local[t] = found - seen.begin();
    if (found == seen.end()) seen.push_back(speakers[t]);
  }
  return local;
}

int64_t count_edges(const int64_t* lengths, int64_t dialogues, int64_t past, int64_t future) {
  int64_t edges = 0;
  for (int64_t b = 0; b < dialogues; ++b)
    for (int64_t t = 0; t < lengths[b]; ++t)
      edges += std::min(t, past) + std::min(lengths[b] - 1 - t, future) + 1;
  return edges;
}

std::tuple<Tensor, Tensor, Tensor> window_graph(const Tensor& lengths, const Tensor& speakers,
                                                int64_t past, int64_t future,
                                                int64_t num_speakers) {
  const auto* length = lengths.const_data_ptr<int64_t>();
  const auto* speaker = speakers.const_data_ptr<int64_t>();
  const int64_t edges = count_edges(length, lengths.numel(), past, future);
  Tensor indptr = torch::stable::new_empty(lengths, {speakers.numel() + 1});
  Tensor indices = torch::stable::new_empty(lengths, {edges});
  Tensor etypes = torch::stable::new_empty(lengths, {edges});
  auto* row_end = indptr.mutable_data_ptr<int64_t>();
  auto* source = indices.mutable_data_ptr<int64_t>();
  auto* type = etypes.mutable_data_ptr<int64_t>();

  const Relations relations{num_speakers};
  std::vector<std::pair<int64_t, int64_t>> row;  // (relation, source) of one target
  int64_t start = 0, edge = 0;
  *row_end++ = 0;
  for (int64_t b = 0; b < lengths.numel(); start += length[b++]) {
    const auto local = number_by_appearance(speaker + start, length[b]);
    for (int64_t i = 0; i < length[b]; ++i) {
      row.clear();
      const int64_t first = std::max<int64_t>(0, i - past);
      const int64_t last = std::min(length[b] - 1, i + future);
      for (int64_t j = first; j <= last; ++j)
        row.emplace_back(relations.of(j, i, local[j], local[i]), start + j);
      std::sort(row.begin(), row.end());
      for (const auto& [relation, node] : row) {
        type[edge] = relation;
        source[edge++] = node;
      }
      *row_end++ = edge;
    }
  }
  return {indptr, indices, etypes};
}

// The transpose lists, for every source, its edges in increasing order: backward passes gather
// from it, so no two threads ever add to one row.
void transpose(const int64_t* indices, int64_t edges, int64_t sources, int64_t* t_indptr,
               int64_t* t_eids) {
  std::fill(t_indptr, t_indptr + sources + 1, 0);
  for (int64_t e = 0; e < edges; ++e) ++t_indptr[indices[e] + 1];
  for (int64_t j = 0; j < sources; ++j) t_indptr[j + 1] += t_indptr[j];
  std::vector<int64_t> next(t_indptr, t_indptr + sources);
  for (int64_t e = 0; e < edges; ++e) t_eids[next[indices[e]]++] = e;
}

std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor> csr_plan(const Tensor& indptr,
                                                                            const Tensor& indices,
                                                                            const Tensor& etypes,
                                                                            int64_t num_src) {
  const int64_t nodes = indptr.numel() - 1, edges = indices.numel();
  const auto* row_ptr = indptr.const_data_ptr<int64_t>();
  const auto* type = etypes.const_data_ptr<int64_t>();
  Tensor dst = torch::stable::new_empty(indices, {edges});
  Tensor edge_seg = torch::stable::new_empty(indices, {edges});
  auto* target = dst.mutable_data_ptr<int64_t>();
  auto* segment = edge_seg.mutable_data_ptr<int64_t>();
  std::vector<int64_t> starts, targets, relations;
  for (int64_t i = 0; i < nodes; ++i) {
    for (int64_t e = row_ptr[i]; e < row_ptr[i + 1]; ++e) {
      if (e == row_ptr[i] || type[e] != type[e - 1]) {
        starts.push_back(e);
        targets.push_back(i);
        relations.push_back(type[e]);
      }
      target[e] = i;
      segment[e] = int64_t(starts.size()) - 1;
    }
  }
  starts.push_back(edges);
  const auto to_tensor = [&](const std::vector<int64_t>& values) {
    Tensor out = torch::stable::new_empty(indices, {int64_t(values.size())});
    std::copy(values.begin(), values.end(), out.mutable_data_ptr<int64_t>());
    return out;
  };
  Tensor t_indptr = torch::stable::new_empty(indices, {num_src + 1});
  Tensor t_eids = torch::stable::new_empty(indices, {edges});
  transpose(indices.const_data_ptr<int64_t>(), edges, num_src, t_indptr.mutable_data_ptr<int64_t>(),
            t_eids.mutable_data_ptr<int64_t>());
  return {dst,   to_tensor(starts), to_tensor(targets), to_tensor(relations), edge_seg, t_indptr,
          t_eids};
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ariigcn, CPU, m) {
  m.impl("window_graph", TORCH_BOX(&window_graph));
  m.impl("csr_plan", TORCH_BOX(&csr_plan));
}
