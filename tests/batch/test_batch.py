"""Batches of whole dialogues."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ariigcn_dgl.batch import Steps, Window, collate, shuffled_batches
from ariigcn_dgl.data import Dialogues

LENGTHS = np.random.default_rng(0).integers(1, 40, 50)


def epoch(chosen: np.ndarray, batch_size: int, seed: int = 0) -> list[list[int]]:
    batches = shuffled_batches(LENGTHS, [chosen], batch_size, np.random.default_rng(seed))
    return [batch.tolist() for batch in batches]


def test_collate_stacks_the_chosen_dialogues_in_order(tiny: Dialogues):
    batch = collate(tiny, [2, 0], Window())
    assert batch.features["text"][:, 0].tolist() == [9, 12, 15, 0, 3]
    assert batch.features["audio"][:, 0].tolist() == [7, 0, 9, 1, 3]
    assert batch.masks["audio"].tolist() == [True, False, True, True, True]
    assert batch.labels.tolist() == [-1, 0, 1, 1, 0]
    assert batch.speakers.tolist() == [1, 2, 1, 0, 1]
    assert batch.lengths.tolist() == [3, 2]


def test_collate_connects_within_the_window(tiny: Dialogues):
    graph = collate(tiny, [2, 0], Window(past=1, future=0)).graph
    edges = set(zip(graph.src.tolist(), graph.dst.tolist(), strict=True))
    assert edges == {(0, 0), (0, 1), (1, 1), (1, 2), (2, 2), (3, 3), (3, 4), (4, 4)}


def test_collate_uses_the_windows_relations(tiny: Dialogues):
    graph = collate(tiny, [0, 2], Window(relations="pairs", num_speakers=3)).graph
    assert graph.num_rels == Window(relations="pairs", num_speakers=3).num_rels == 19


def test_collate_of_nothing_is_an_empty_batch(tiny: Dialogues):
    batch = collate(tiny, [], Window())
    assert (len(batch.labels), len(batch.lengths), batch.graph.num_dst) == (0, 0, 0)


def test_unresolved_relations_are_refused(tiny: Dialogues):
    with pytest.raises(ValueError, match="got 'auto'"):
        collate(tiny, [0], Window(relations="auto"))
    with pytest.raises(ValueError, match="got 'auto'"):
        _ = Window(relations="auto").num_rels


@pytest.mark.parametrize(("speakers", "relations"), [(1, "pairs"), (2, "pairs"), (3, "speaker")])
def test_auto_becomes_pairs_for_two_speakers(speakers: int, relations: str):
    window = Window(past=3, future=4, relations="auto")
    assert window.resolved(speakers) == Window(past=3, future=4, relations=relations)


def test_a_chosen_relation_is_not_resolved_away():
    assert Window(relations="pairs").resolved(9) == Window(relations="pairs")


def test_labelled_tells_which_utterances_count(tiny: Dialogues):
    assert collate(tiny, [2], Window()).labelled.tolist() == [False, True, True]


def test_labelled_are_those_of_which_any_target_is_known(tiny: Dialogues):
    batch = collate(tiny, [2], Window())
    mood = torch.tensor([[torch.nan, 2.0], [torch.nan, torch.nan], [torch.nan, torch.nan]])
    batch = replace(batch, targets={"mood": mood})
    assert batch.labelled.tolist() == [True, True, True]
    masked = batch.truth.where(torch.tensor([False, True, False]))
    assert masked.known.tolist() == [False, True, False]
    assert batch.truth.rows(torch.tensor([2, 0])).labels.tolist() == [1, -1]


def test_present_tells_where_each_modality_is(tiny: Dialogues):
    present = collate(tiny, [2], Window()).present(["audio", "text"])
    assert present.tolist() == [[True, False, True], [True, True, True]]


def test_moving_a_batch_leaves_the_lengths_on_the_cpu(tiny: Dialogues):
    batch = collate(tiny, [0, 2], Window()).to("meta")
    tensors = [*batch.features.values(), *batch.masks.values(), batch.labels, batch.speakers]
    assert {x.device.type for x in [*tensors, batch.graph.src]} == {"meta"}
    assert batch.lengths.device.type == "cpu"


def test_a_batch_does_not_share_memory_with_the_set(tiny: Dialogues):
    collate(tiny, [0, 1, 2], Window()).features["text"].fill_(0)
    assert tiny.features["text"].sum() > 0


@pytest.mark.parametrize("batch_size", [1, 4, 7, 100])
def test_an_epoch_has_every_chosen_dialogue_once(batch_size: int):
    chosen = np.arange(3, 46)
    batches = epoch(chosen, batch_size)
    assert sorted(b for batch in batches for b in batch) == chosen.tolist()
    assert len(batches) == -(-len(chosen) // batch_size)
    assert max(map(len, batches)) <= batch_size


def test_epochs_repeat_with_the_seed_and_differ_without():
    chosen = np.arange(50)
    assert epoch(chosen, 4, seed=1) == epoch(chosen, 4, seed=1) != epoch(chosen, 4, seed=2)


def test_dialogues_of_a_batch_have_similar_lengths():
    chosen = np.arange(50)
    spread = np.mean([np.ptp(LENGTHS[batch]) for batch in epoch(chosen, 5)])
    order = np.random.default_rng(0).permutation(chosen).reshape(-1, 5)
    assert spread < 0.6 * np.mean([np.ptp(LENGTHS[batch]) for batch in order])


def test_no_dialogues_make_no_batches():
    assert epoch(np.empty(0, np.int64), 4) == []


def test_collate_takes_the_batches_as_they_come(many: Dialogues):
    chosen = next(shuffled_batches(many.lengths, [np.arange(20)], 4, np.random.default_rng(0)))
    batch = collate(many, chosen, Window())
    assert batch.features["text"].equal(torch.from_numpy(many.features["text"][chosen]))


def test_sequences_are_padded_under_any_default_device():
    with torch.device("meta"):
        table, exists = Steps(
            torch.ones(3, 1, device="cpu"), torch.tensor([1, 0, 2], device="cpu")
        ).padded()
    assert table.squeeze(2).tolist() == [[1, 0], [0, 0], [1, 1]]
    assert exists.tolist() == [[True, False], [False, False], [True, True]]
