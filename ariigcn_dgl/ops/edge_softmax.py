"""Softmax of scores over every target's in-edges (Eq. 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from ariigcn_dgl.graph import Graph


def edge_softmax(graph: Graph, scores: Tensor) -> Tensor:
    r"""Normalise scores over every target's in-edges (Eq. 9).

    .. math:: \alpha_{ij} = \frac{\exp e_{ij}}{\sum_{k \in N_i} \exp e_{ik}}

    In plain torch: differentiable any number of times, on any device.

    Parameters
    ----------
    graph : Graph
        E edges.
    scores : (G, E) tensor
        Scores of G independent groups (modalities, heads), in the order of ``graph.indices``.

    Returns
    -------
    (G, E) tensor
        Each target's edges sum to 1.

    Examples
    --------
    >>> import torch
    >>> from ariigcn_dgl.graph import Graph
    >>> graph = Graph.from_csr(torch.tensor([0, 2]), torch.tensor([0, 1]), num_src=2)
    >>> edge_softmax(graph, torch.tensor([[0.0, 1.0]]))
    tensor([[0.2689, 0.7311]])
    """
    index = graph.dst.expand_as(scores)
    # Detached: what is subtracted cancels out, and so do its derivatives.
    exp = (scores - largest_score(graph, scores.detach())).exp()
    total = exp.new_zeros(len(scores), graph.num_dst).scatter_add(1, index, exp)
    return exp / total.gather(1, index)


def largest_score(graph: Graph, scores: Tensor) -> Tensor:
    """Return the largest score of each edge's target, (G, E)."""
    index = graph.dst.expand_as(scores)
    empty = scores.new_full((len(scores), graph.num_dst), -torch.inf)
    return empty.scatter_reduce(1, index, scores, "amax").gather(1, index)
