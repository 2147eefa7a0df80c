"""Softmax of scores over every target's in-edges (Eq. 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import torch
from torch import Tensor

if TYPE_CHECKING:
    from ariigcn_dgl.graph import Graph

Softmax = Literal["all", "relation"]
SOFTMAXES = get_args(Softmax)


def edge_softmax(graph: Graph, scores: Tensor, softmax: Softmax = "all") -> Tensor:
    r"""Normalise scores over every target's in-edges (Eq. 9), or over those of each relation.

    .. math:: \alpha_{ij} = \frac{\exp e_{ij}}{\sum_{k \in N_i} \exp e_{ik}}

    In plain torch: differentiable any number of times, on any device.

    Parameters
    ----------
    graph : Graph
        E edges.
    scores : (G, E) tensor
        Scores of G independent groups (modalities, heads), in the order of ``graph.indices``.
    softmax : {"all", "relation"}
        Over :math:`N_i`, or over :math:`N_i^r`.

    Returns
    -------
    (G, E) tensor
        Each target's edges sum to 1, or its edges of each relation do.

    Examples
    --------
    >>> import torch
    >>> from ariigcn_dgl.graph import Graph
    >>> graph = Graph.from_csr(torch.tensor([0, 2]), torch.tensor([0, 1]), num_src=2)
    >>> edge_softmax(graph, torch.tensor([[0.0, 1.0]]))
    tensor([[0.2689, 0.7311]])
    """
    index, rows = softmax_rows(graph, softmax)
    index = index.expand_as(scores)
    # Detached: what is subtracted cancels out, and so do its derivatives.
    exp = (scores - largest_score(index, rows, scores.detach())).exp()
    total = exp.new_zeros(len(scores), rows).scatter_add(1, index, exp)
    return exp / total.gather(1, index)


def softmax_rows(graph: Graph, softmax: Softmax) -> tuple[Tensor, int]:
    """Return the row of the softmax of each edge, (E,) int64, and how many rows there are."""
    if softmax == "all":
        return graph.dst, graph.num_dst
    return graph.edge_seg.long(), graph.num_segments


def largest_score(index: Tensor, rows: int, scores: Tensor) -> Tensor:
    """Return the largest score of each edge's row of the softmax, (G, E)."""
    empty = scores.new_full((len(scores), rows), -torch.inf)
    return empty.scatter_reduce(1, index, scores, "amax").gather(1, index)
