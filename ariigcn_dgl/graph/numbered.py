"""The window graph of the last part of a dialogue, as it is within the whole."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ariigcn_dgl.graph.graph import Graph
from ariigcn_dgl.graph.window import Relations, numbered_edges, relation_names


def numbered_window_graph(
    numbers: Tensor,
    *,
    past: int,
    relations: Relations,
    num_speakers: int = 2,
    distances: Sequence[int] = (),
) -> Graph:
    """Connect utterances of one dialogue with those before them, given the speakers' numbers.

    `Graph.from_dialogues` numbers speakers by first appearance in what it is given, so that ordered
    pairs of speakers would get other relations where a dialogue's beginning is left out.

    Parameters
    ----------
    numbers : (N,) int64 tensor
        Speaker of each utterance, numbered by first appearance in the whole dialogue; contiguous,
        on the CPU; below `num_speakers` with "pairs".
    past, relations, num_speakers, distances
        See `Graph.from_dialogues`.

    Examples
    --------
    >>> import torch
    >>> options = {"past": 1, "relations": "pairs", "num_speakers": 2}
    >>> graph = numbered_window_graph(torch.tensor([1, 0]), **options)
    >>> [relation_names("pairs")[relation] for relation in graph.etypes]
    ['self', '1_to_0_past', 'self']
    """
    edges = numbered_edges(
        numbers.new_tensor([len(numbers)]),
        numbers,
        min(past, len(numbers)),
        0,  # what follows is not known yet
        relations,
        num_speakers,
        distances,
    )
    return Graph.from_csr(*edges, len(relation_names(relations, num_speakers, distances)))
