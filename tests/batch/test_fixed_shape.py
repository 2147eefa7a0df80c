"""Batches of fixed shapes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ariigcn_dgl.batch import Batch, ModalWindow, Window, collate
from ariigcn_dgl.batch.fixed_shape import (
    Nodes,
    Shape,
    Sizes,
    few_shapes,
    padded,
    rebuilt,
    tensors_of,
)
from ariigcn_dgl.data import Dialogues, SynthConfig, synthesise


@pytest.fixture(scope="module")
def dialogues() -> Dialogues:
    return synthesise(
        SynthConfig(train=6, val=2, test=2, length_mean=6, length_min=3, length_max=9)
    )


def shape_of(batch: Batch) -> Shape:
    return Shape.holding(Sizes.of(batch), Nodes.of(batch), dialogues=4)


def fixed_of(batch: Batch) -> Batch:
    return padded(batch, shape_of(batch))


def sizes_of(*utterances: int) -> Sizes:
    """Return sizes of batches of dialogues without edges between utterances."""
    return Sizes(*(np.array(utterances) for _ in range(6)))


def test_sizes_of_batches_are_those_of_their_dialogues(dialogues: Dialogues):
    window = Window(3, 2)
    chosen = [np.array([0]), np.array([3, 1]), np.array([2, 0, 5, 4])]
    found = Sizes.of_dialogues(dialogues, window).of_batches(chosen)
    for i, one in enumerate(chosen):
        batch = Sizes.of(collate(dialogues, one, window))
        assert {k: v[i] for k, v in vars(found).items()} == {
            k: v[0] for k, v in vars(batch).items()
        }


def test_a_shape_has_a_node_more_than_the_largest_batch_and_its_edges_and_segments():
    sizes = Sizes(*(np.array(x) for x in ([3, 4], [9, 10], [6, 7], [3, 2], [2, 3], [2, 2])))
    # 5 nodes: the first batch gets 2 and, as many as the second, 2 segments; 2 edges.
    assert Shape.holding(sizes, Nodes(1, 5), dialogues=2) == Shape(5, 11, 8, 2, 3, 3, 2)


def test_a_shape_has_more_nodes_where_segments_would_be_too_many_for_them():
    sizes = Sizes(*(np.array(x) for x in ([4, 4], [20, 4], [12, 4], [4, 4], [1, 1], [4, 4])))
    shape = Shape.holding(sizes, Nodes(1, 3), dialogues=1)
    # (8 + n) segments of the second batch's n new nodes are at most 3 n.
    assert (shape.utterances, shape.segments) == (8, 16)
    assert shape.holds(sizes, Nodes(1, 3))


def test_a_shape_does_not_hold_a_batch_that_is_as_large():
    shape = Shape.holding(sizes_of(7), Nodes(1, 3), dialogues=1)
    assert shape.holds(sizes_of(7), Nodes(1, 3))
    assert not shape.holds(sizes_of(8), Nodes(1, 3))


def test_a_shape_counts_the_nodes_that_an_utterance_is():
    sizes = Sizes(*(np.array(x) for x in ([3, 4], [30, 40], [18, 24], [3, 2], [2, 3], [2, 2])))
    shape = Shape.holding(sizes, Nodes(2, 5), dialogues=2)
    # Of 5 utterances, 10 nodes: the first batch gets 4 and at least as many segments.
    assert (shape.utterances, shape.segments, shape.edges) == (5, 26, 42)
    assert shape.holds(sizes, Nodes(2, 5))


@pytest.mark.parametrize("across", ["utterance", "window"])
def test_batches_of_modalities_are_padded(dialogues: Dialogues, across: str):
    window = ModalWindow.of(Window(3, 2), tuple(dialogues.widths), across)
    sizes = Sizes.of_dialogues(dialogues, window)
    chosen = [np.array([0]), np.array([1, 2]), np.array([3, 5])]
    nodes = Nodes(window.nodes_per_utterance, window.num_rels)
    shape = Shape.holding(sizes.of_batches(chosen), nodes, dialogues=2)
    for one in chosen:
        graph = padded(collate(dialogues, one, window), shape).graph
        assert graph.num_dst == len(dialogues.widths) * shape.utterances
        assert (graph.num_edges, graph.num_segments) == (shape.edges, shape.segments)


def test_few_shapes_part_batches_where_least_is_added():
    shapes = few_shapes(sizes_of(30, 10, 11, 90, 31, 29, 92), Nodes(1, 3), dialogues=1, most=3)
    assert [shape.utterances for shape in shapes] == [12, 32, 93]


def test_fewer_batches_than_shapes_have_a_shape_each():
    assert len(few_shapes(sizes_of(5, 9), Nodes(1, 3), dialogues=1, most=4)) == 2


@given(st.lists(st.integers(1, 60), min_size=1, max_size=700), st.integers(1, 5))
def test_few_shapes_hold_every_batch(utterances: list[int], most: int):
    sizes = sizes_of(*utterances)
    shapes = few_shapes(sizes, Nodes(1, 3), dialogues=1, most=most)
    assert len(shapes) <= most
    for i in range(len(utterances)):
        assert any(shape.holds(sizes[i : i + 1], Nodes(1, 3)) for shape in shapes)


@pytest.mark.parametrize("relations", ["speaker", "pairs"])
@pytest.mark.parametrize("chosen", [[0], [1, 2], [3, 4, 5, 0]])
def test_a_padded_batch_has_its_shape(dialogues: Dialogues, chosen: list[int], relations: str):
    batch = collate(dialogues, chosen, Window(3, 2, relations=relations, num_speakers=2))
    shape = shape_of(batch)
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
    assert shape_of(first) == shape_of(second)
    tensors = [tensors_of(fixed_of(batch)) for batch in (first, second)]
    for a, b in zip(*tensors, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
    assert not all(a.equal(b) for a, b in zip(*tensors, strict=True))


def test_a_rebuilt_batch_is_the_padded_one(dialogues: Dialogues):
    fixed = fixed_of(collate(dialogues, [0, 1, 2], Window()))
    again = rebuilt(fixed, tensors_of(fixed))
    for a, b in zip(tensors_of(fixed), tensors_of(again), strict=True):
        assert a.equal(b)


def test_the_default_device_does_not_matter(dialogues: Dialogues):
    with torch.device("meta"):
        fixed = fixed_of(collate(dialogues, [0, 1], Window()))
    assert fixed.thread.equal(fixed_of(collate(dialogues, [0, 1], Window())).thread)


def test_a_table_leads_every_utterance_to_its_place(dialogues: Dialogues):
    batch = collate(dialogues, [0, 1, 2], Window())
    fixed = fixed_of(batch)
    for sequences in (fixed.dialogues, fixed.threads):
        for rows, places in zip(sequences.table.rows, sequences.table.places, strict=True):
            found = rows.flatten()[places][: len(batch.labels)]
            assert found.equal(torch.arange(len(batch.labels)))
