"""How much an utterance attends to each of its neighbours: a bilinear score."""

from __future__ import annotations

from torch import Tensor, nn

from ariigcn_dgl.graph import Graph
from ariigcn_dgl.nn._parameters import glorot, glorot_
from ariigcn_dgl.ops import dot_attention
from ariigcn_dgl.ops._checks import require_shape


class BilinearEdgeAttention(nn.Module):
    r"""Weigh the in-edges of every node by a bilinear score (DialogueGCN, Ghosal 2019, Eq. 1).

    .. math:: \alpha_{ij} = \mathrm{softmax}_{j \in N_i}(g_i^\top W_e g_j)

    Parameters
    ----------
    in_feats : int
        Width D.

    Examples
    --------
    >>> import torch
    >>> from ariigcn_dgl.graph import Graph
    >>> graph = Graph.from_dialogues(torch.tensor([3]), torch.tensor([0, 1, 0]))
    >>> BilinearEdgeAttention(4)(graph, torch.zeros(3, 4))[:3]
    tensor([0.3333, 0.3333, 0.3333], grad_fn=<SliceBackward0>)
    """

    def __init__(self, in_feats: int) -> None:
        super().__init__()
        self.weight = glorot(in_feats, in_feats)

    def reset_parameters(self) -> None:
        """Draw all weights anew."""
        glorot_(self.weight)

    def forward(self, graph: Graph, feat: Tensor) -> Tensor:
        """Return the attention of every edge, (E,), in the order of ``graph.indices``.

        Parameters
        ----------
        graph : Graph
            N nodes, E edges.
        feat : (N, D) tensor

        Raises
        ------
        ValueError
            If shapes or dtypes do not fit.
        """
        require_shape("feat", feat, (graph.num_src, len(self.weight)))
        return dot_attention(graph, (feat @ self.weight)[None], feat[None]).squeeze(0)
