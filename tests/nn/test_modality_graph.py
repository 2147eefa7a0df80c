"""Modalities of utterances as nodes: what is linked, and the way into the table and back."""

from __future__ import annotations

import torch

from ariigcn_dgl.nn import ModalityGraph

MASKS = torch.tensor([[True, True, True], [True, False, True]])  # two modalities, the second once
LENGTHS = torch.tensor([2, 1])  # missing; two dialogues


def test_nodes_are_linked_within_their_modality_and_their_utterance() -> None:
    graph = ModalityGraph(torch.ones(2, 2, dtype=torch.bool), torch.tensor([2]))
    linked = [[1, 1, 1, 0], [1, 1, 0, 1], [1, 0, 1, 1], [0, 1, 1, 1]]
    assert graph.linked.int().tolist() == [linked]


def test_missing_modalities_and_padding_are_no_nodes() -> None:
    graph = ModalityGraph(MASKS, LENGTHS)
    assert graph.exists.int().tolist() == [[1, 1, 1, 0], [1, 0, 1, 0]]
    assert not graph.linked.masked_fill(graph.exists.unsqueeze(1), 0).any()
    assert not graph.linked.masked_fill(graph.exists.unsqueeze(2), 0).any()


def test_a_table_has_modality_after_modality() -> None:
    feat = torch.tensor([[1.0, 2, 3], [4, 5, 6]]).unsqueeze(-1)
    table = ModalityGraph(MASKS, LENGTHS).table(feat)
    assert table.squeeze(-1).tolist() == [[1, 2, 4, 0], [3, 0, 6, 0]]


def test_rows_are_the_table_again_with_zeros_where_a_modality_is_missing() -> None:
    table = torch.tensor([[1.0, 2, 4, 9], [3, 9, 6, 9]]).unsqueeze(-1)
    assert ModalityGraph(MASKS, LENGTHS).rows(table).tolist() == [[1, 4], [2, 0], [3, 6]]
