"""The graph of a dialogue's last part has the relations of the whole."""

from __future__ import annotations

import pytest
import torch

from ariigcn_dgl.graph import Graph
from ariigcn_dgl.graph.numbered import numbered_window_graph

NUMBERS = torch.tensor([0, 1, 1, 0, 1, 2, 0, 1])


def _edges(graph: Graph, shift: int = 0) -> set[tuple[int, int, int]]:
    rows = (graph.src + shift, graph.dst + shift, graph.etypes)
    return set(zip(*(row.tolist() for row in rows), strict=True))


@pytest.mark.parametrize("relations", ["none", "party", "speaker", "pairs"])
@pytest.mark.parametrize("distances", [(), (1, 3)])
@pytest.mark.parametrize("past", [0, 3, 100])
@pytest.mark.parametrize("start", range(8))
def test_last_part_has_the_edges_of_the_whole(
    relations: str, distances: tuple[int, ...], past: int, start: int
) -> None:
    options = {"past": past, "relations": relations, "num_speakers": 3, "distances": distances}
    whole = Graph.from_dialogues(torch.tensor([8]), NUMBERS, future=0, **options)
    part = numbered_window_graph(NUMBERS[start:].contiguous(), **options)
    assert part.num_rels == whole.num_rels
    assert _edges(part, start) == {edge for edge in _edges(whole) if edge[0] >= start}


def test_numbering_the_last_part_anew_would_change_relations() -> None:
    options = {"past": 1, "relations": "pairs", "num_speakers": 3}
    anew = Graph.from_dialogues(torch.tensor([6]), NUMBERS[2:], future=0, **options)
    assert _edges(anew) != _edges(numbered_window_graph(NUMBERS[2:].contiguous(), **options))
