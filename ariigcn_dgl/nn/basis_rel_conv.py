"""Relational graph convolution over given edge weights, its matrices mixed from few bases."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ariigcn_dgl.graph import Graph
from ariigcn_dgl.nn._parameters import glorot, glorot_
from ariigcn_dgl.ops import relational_sum
from ariigcn_dgl.ops._checks import require_shape


class BasisRelConv(nn.Module):
    r"""Sum weighted neighbours, each transformed by its relation (R-GCN, Schlichtkrull 2018).

    .. math::
        h'_i = \sum_{r < R - 1} \sum_{j \in N_i^r} w_{ij} W_r h_j + w_{ii} W_0 h_i + b, \qquad
        W_r = \sum_b a_{rb} V_b

    The last relation, in our graphs that of the self edges, has a matrix :math:`W_0` of its own;
    the others mix theirs from the bases :math:`V_b`. With ``w_ii = 1`` this is
    `dgl.nn.RelGraphConv` with ``regularizer="basis"``, whose self loop is no edge.

    Parameters
    ----------
    in_feats, out_feats : int
        Widths D_in and D_out.
    num_rels : int
        Number of relations R, the self edges' included.
    num_bases : int
        Number of bases.

    Examples
    --------
    >>> import torch
    >>> from ariigcn_dgl.graph import Graph
    >>> graph = Graph.from_dialogues(torch.tensor([3]), torch.tensor([0, 1, 0]))
    >>> conv = BasisRelConv(4, 6, graph.num_rels, num_bases=2)
    >>> conv(graph, torch.ones(3, 4), torch.ones(graph.num_edges)).shape
    torch.Size([3, 6])
    """

    def __init__(self, in_feats: int, out_feats: int, num_rels: int, num_bases: int) -> None:
        super().__init__()
        self.bases = glorot(num_bases, in_feats, out_feats)
        self.coefficients = glorot(num_rels - 1, num_bases)
        self.self_weight = glorot(in_feats, out_feats)
        self.bias = nn.Parameter(torch.zeros(out_feats))

    def reset_parameters(self) -> None:
        """Draw all weights anew."""
        for weight in (self.bases, self.coefficients, self.self_weight):
            glorot_(weight)
        nn.init.zeros_(self.bias)

    def forward(self, graph: Graph, feat: Tensor, edge_weight: Tensor) -> Tensor:
        """Return the new node states, (N_dst, D_out).

        Parameters
        ----------
        graph : Graph
            E edges of R relations from N_src sources to N_dst targets.
        feat : (N_src, D_in) tensor
        edge_weight : (E,) tensor
            In the order of ``graph.indices``.

        Raises
        ------
        ValueError
            If shapes, dtypes or the number of relations do not fit.
        """
        require_shape("feat", feat, (graph.num_src, len(self.self_weight)))
        require_shape("edge_weight", edge_weight, (graph.num_edges,))
        mixed = torch.einsum("rb,bio->rio", self.coefficients, self.bases)
        rel_weight = torch.cat([mixed, self.self_weight[None]])
        out = relational_sum(graph, edge_weight[None], feat[None], rel_weight[None])
        return out.squeeze(0) + self.bias
