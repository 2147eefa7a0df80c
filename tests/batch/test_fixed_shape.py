"""Batches of fixed shapes."""

from __future__ import annotations

import pytest
import torch

from ariigcn_dgl.batch import Batch, Window, collate
from ariigcn_dgl.batch.fixed_shape import Shape, _rung, padded, rebuilt, tensors_of
from ariigcn_dgl.data import Dialogues, SynthConfig, synthesise


@pytest.fixture(scope="module")
def dialogues() -> Dialogues:
    return synthesise(
        SynthConfig(train=6, val=2, test=2, length_mean=6, length_min=3, length_max=9)
    )


def fixed_of(batch: Batch) -> Batch:
    return padded(batch, Shape.of(batch, dialogues=4))


def test_rungs_are_powers_of_two_and_halfway_between():
    assert [_rung(n) for n in (1, 2, 3, 4, 5, 7, 9, 13, 17, 25)] == [
        1,
        2,
        3,
        4,
        6,
        8,
        12,
        16,
        24,
        32,
    ]


@pytest.mark.parametrize("relations", ["speaker", "pairs"])
@pytest.mark.parametrize("chosen", [[0], [1, 2], [3, 4, 5, 0]])
def test_a_padded_batch_has_its_shape(dialogues: Dialogues, chosen: list[int], relations: str):
    batch = collate(dialogues, chosen, Window(3, 2, relations=relations, num_speakers=2))
    shape = Shape.of(batch, dialogues=4)
    fixed = padded(batch, shape)
    graph = fixed.graph
    assert (graph.num_dst, graph.num_edges, graph.num_segments) == (
        shape.utterances,
        shape.edges,
        shape.segments,
    )
    assert fixed.dialogues.table.rows.shape == (2, shape.longest, 4)
    assert fixed.threads.table.rows.shape == (2, shape.longest_thread, shape.threads)
    assert not any(mask[len(batch.labels) :].any() for mask in fixed.masks.values())
    assert not fixed.labelled[len(batch.labels) :].any()


def test_batches_of_one_shape_differ_in_values_alone(dialogues: Dialogues):
    first, second = (collate(dialogues, chosen, Window()) for chosen in ([0, 1, 2], [2, 0, 1]))
    assert Shape.of(first, 4) == Shape.of(second, 4)
    tensors = [tensors_of(fixed_of(batch)) for batch in (first, second)]
    for a, b in zip(*tensors, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
    assert not all(a.equal(b) for a, b in zip(*tensors, strict=True))


def test_a_rebuilt_batch_is_the_padded_one(dialogues: Dialogues):
    fixed = fixed_of(collate(dialogues, [0, 1, 2], Window()))
    again = rebuilt(fixed, tensors_of(fixed))
    for a, b in zip(tensors_of(fixed), tensors_of(again), strict=True):
        assert a.equal(b)


def test_a_table_leads_every_utterance_to_its_place(dialogues: Dialogues):
    batch = collate(dialogues, [0, 1, 2], Window())
    fixed = fixed_of(batch)
    for sequences in (fixed.dialogues, fixed.threads):
        for rows, places in zip(sequences.table.rows, sequences.table.places, strict=True):
            found = rows.flatten()[places][: len(batch.labels)]
            assert found.equal(torch.arange(len(batch.labels)))
