"""What all systems share: the modalities side by side."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ariigcn_dgl.batch import Batch
from ariigcn_dgl.graph import Graph
from ariigcn_dgl.models.system import concatenate, known_lengths

LENGTHS, SPEAKERS = torch.tensor([2]), torch.tensor([0, 1])
BATCH = Batch(
    features={"visual": torch.tensor([[5.0], [6.0]]), "text": torch.tensor([[1.0, 2], [3, 4]])},
    masks={"visual": torch.tensor([True, False]), "text": torch.tensor([True, True])},
    labels=torch.tensor([0, 1]),
    speakers=SPEAKERS,
    lengths=LENGTHS,
    graph=Graph.from_dialogues(LENGTHS, SPEAKERS, past=0, future=0),
)


def test_modalities_stand_side_by_side_with_zeros_where_one_is_missing() -> None:
    assert concatenate(BATCH).tolist() == [[1, 2, 5], [3, 4, 0]]


def test_what_stands_in_a_missing_row_does_not_matter() -> None:
    visual = torch.tensor([[5.0], [float("nan")]])
    changed = replace(BATCH, features=BATCH.features | {"visual": visual})
    assert concatenate(changed).equal(concatenate(BATCH))


def test_order_of_the_modalities_does_not_matter() -> None:
    turned = replace(BATCH, features=dict(reversed(BATCH.features.items())))
    assert concatenate(turned).equal(concatenate(BATCH))


def test_lengths_that_nothing_may_depend_on_are_refused() -> None:
    assert known_lengths(BATCH) is LENGTHS
    with pytest.raises(ValueError, match="expected a tensor, got None"):
        known_lengths(replace(BATCH, lengths=None))
