// Builds the in-edges of the windowed speaker-relation graph of a batch of dialogues.
#include "../checks.h"
#include "index_tensor.h"

#include <torch/csrc/stable/library.h>

#include <algorithm>
#include <bit>
#include <numeric>
#include <tuple>
#include <vector>

namespace {
using ariigcn::empty_index;
using torch::stable::Tensor;

// Numbers the speakers of one dialogue by first appearance; returns how many there are. `slots` is
// a hash table of the utterances where a speaker first appears.
int64_t number_dialogue(const int64_t* speaker, int64_t length, std::vector<int64_t>& slots,
                        int64_t* number) {
  constexpr uint64_t kGolden = 0x9E3779B97F4A7C15;  // spreads neighbouring keys over the table
  const int bits = std::bit_width(uint64_t(length)) + 1;
  slots.assign(size_t(1) << bits, -1);
  int64_t count = 0;
  for (int64_t t = 0; t < length; ++t) {
    size_t slot = uint64_t(speaker[t]) * kGolden >> (64 - bits);
    while (slots[slot] >= 0 && speaker[slots[slot]] != speaker[t])
      slot = (slot + 1) & (slots.size() - 1);
    const bool is_new = slots[slot] < 0;
    if (is_new) slots[slot] = t;
    number[t] = is_new ? count++ : number[slots[slot]];
  }
  return count;
}

// Lengths of dialogues that divide the speakers among them.
ariigcn::Checks check_dialogues(const char* op, const Tensor& lengths, const Tensor& speakers) {
  const ariigcn::Checks check(op, speakers);
  check.int64("lengths", lengths, {lengths.numel()});
  check.int64("speakers", speakers, {speakers.numel()});
  const auto* length = lengths.const_data_ptr<int64_t>();
  int64_t left = speakers.numel();
  for (int64_t b = 0; b < lengths.numel() && left >= 0; ++b)
    left = length[b] < 0 || length[b] > left ? -1 : left - length[b];
  check.require(left == 0, "lengths must add up to the number of speakers");
  return check;
}

std::tuple<Tensor, Tensor> number_speakers(const Tensor& lengths, const Tensor& speakers) {
  check_dialogues("number_speakers", lengths, speakers);
  const auto* length = lengths.const_data_ptr<int64_t>();
  const auto* speaker = speakers.const_data_ptr<int64_t>();
  Tensor numbers = empty_index(speakers.numel()), counts = empty_index(lengths.numel());
  auto* number = numbers.mutable_data_ptr<int64_t>();
  auto* count = counts.mutable_data_ptr<int64_t>();
  std::vector<int64_t> slots;
  for (int64_t b = 0, start = 0; b < lengths.numel(); start += length[b++])
    count[b] = number_dialogue(speaker + start, length[b], slots, number + start);
  return {numbers, counts};
}

constexpr int64_t kMostSpeakers = 1 << 20;

struct Window {
  int64_t past, future;

  int64_t first(int64_t i) const { return std::max<int64_t>(0, i - past); }
  int64_t end(int64_t i, int64_t length) const { return std::min(length, i + future + 1); }
};

// Writes the in-edges of one dialogue, target after target. A target's edges are sorted by relation
// without comparing: its neighbours are counted per class while the window slides along, and each
// class is filled in the order of the sources, past before future. Classes are the speakers of the
// sources (pairs), or same and other speaker; the self edge comes last.
struct Rows {
  Window window;
  int64_t num_speakers;  // 0: same or other speaker
  int64_t *indptr, *indices, *etypes;
  int64_t edge = 0;
  std::vector<int64_t> in_window = {}, next = {};  // of each speaker; of each class

  void append(const int64_t* speaker, int64_t length, int64_t start) {
    if (length == 0) return;
    const int64_t speakers = 1 + *std::max_element(speaker, speaker + length);
    in_window.assign(speakers, 0);
    next.resize(std::max<int64_t>(speakers, 2));
    int64_t first = 0, end = 0;
    for (int64_t i = 0; i < length; ++i) {
      while (end < window.end(i, length)) ++in_window[speaker[end++]];
      while (first < window.first(i)) --in_window[speaker[first++]];
      --in_window[speaker[i]];
      find_places(speaker[i]);
      ++in_window[speaker[i]];
      fill(speaker, i, first, i, start);
      fill(speaker, i, i + 1, end, start);
      edge += end - first;
      indices[edge - 1] = start + i;
      etypes[edge - 1] = num_speakers == 0 ? 4 : 2 * num_speakers * num_speakers;
      *indptr++ = edge;
    }
  }

  void find_places(int64_t own) {
    if (num_speakers == 0) {
      next[0] = edge;
      next[1] = edge + in_window[own];
    } else {
      std::exclusive_scan(in_window.begin(), in_window.end(), next.begin(), edge);
    }
  }

  void fill(const int64_t* speaker, int64_t i, int64_t first, int64_t end, int64_t start) {
    const int64_t own = speaker[i], side = first > i;
    for (int64_t j = first; j < end; ++j) {
      const int64_t other = num_speakers == 0 ? speaker[j] != own : speaker[j];
      const int64_t pair = num_speakers == 0 ? other : other * num_speakers + own;
      const int64_t place = next[other]++;
      indices[place] = start + j;
      etypes[place] = 2 * pair + side;
    }
  }
};

std::tuple<Tensor, Tensor, Tensor, Tensor> window_graph(const Tensor& lengths,
                                                        const Tensor& speakers, int64_t past,
                                                        int64_t future, int64_t num_speakers) {
  const ariigcn::Checks check = check_dialogues("window_graph", lengths, speakers);
  check.require(past >= 0 && future >= 0 && num_speakers >= 0,
                "past, future and num_speakers must not be negative");
  check.require(num_speakers <= kMostSpeakers, "num_speakers must be at most 2^20");
  check.require(std::max(past, future) <= speakers.numel(), "the window is wider than the rows");
  // As number_speakers counts them, perhaps in a longer dialogue; there is a counter for each.
  check.within("speakers", speakers, num_speakers > 0 ? num_speakers : kMostSpeakers);
  const auto* length = lengths.const_data_ptr<int64_t>();
  const auto* speaker = speakers.const_data_ptr<int64_t>();
  const Window window{past, future};
  int64_t edges = 0;
  for (int64_t b = 0; b < lengths.numel(); ++b)
    for (int64_t i = 0; i < length[b]; ++i) edges += window.end(i, length[b]) - window.first(i);
  Tensor indptr = empty_index(speakers.numel() + 1);
  Tensor indices = empty_index(edges);
  Tensor etypes = empty_index(edges);
  Tensor eids = empty_index(edges);
  std::iota(eids.mutable_data_ptr<int64_t>(), eids.mutable_data_ptr<int64_t>() + edges, 0);
  auto* row_end = indptr.mutable_data_ptr<int64_t>();
  *row_end++ = 0;
  Rows rows{window, num_speakers, row_end, indices.mutable_data_ptr<int64_t>(),
            etypes.mutable_data_ptr<int64_t>()};
  for (int64_t b = 0, start = 0; b < lengths.numel(); start += length[b++])
    rows.append(speaker + start, length[b], start);
  return {indptr, indices, etypes, eids};
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ariigcn, CPU, m) {
  m.impl("number_speakers", TORCH_BOX(&number_speakers));
  m.impl("window_graph", TORCH_BOX(&window_graph));
}
