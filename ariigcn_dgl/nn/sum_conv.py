"""Graph convolution that adds all neighbours up, and a weighted self term."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ariigcn_dgl.graph import Graph
from ariigcn_dgl.nn._graph_inputs import as_graph
from ariigcn_dgl.nn._parameters import glorot, glorot_
from ariigcn_dgl.ops import Impl, segment_spmm
from ariigcn_dgl.ops._checks import require_shape

if TYPE_CHECKING:
    import dgl


class SumConv(nn.Module):
    r"""Sum over the neighbours in all relations alike (DialogueGCN, Ghosal 2019, Eq. 3).

    .. math:: h'_i = \sum_{j \in N_i} W h_j + w_{ii} W_0 h_i + b

    Parameters
    ----------
    in_feats, out_feats : int
        Widths D_in and D_out.

    Examples
    --------
    >>> import torch
    >>> from ariigcn_dgl.graph import Graph
    >>> graph = Graph.from_dialogues(torch.tensor([3]), torch.tensor([0, 1, 0]))
    >>> SumConv(4, 6)(graph, torch.ones(3, 4), torch.ones(graph.num_edges)).shape
    torch.Size([3, 6])
    """

    impl: Impl = "native"

    def __init__(self, in_feats: int, out_feats: int) -> None:
        super().__init__()
        self.weight = glorot(in_feats, out_feats)
        self.self_weight = glorot(in_feats, out_feats)
        self.bias = nn.Parameter(torch.zeros(out_feats))

    def reset_parameters(self) -> None:
        """Draw all weights anew."""
        glorot_(self.weight)
        glorot_(self.self_weight)
        nn.init.zeros_(self.bias)

    def forward(self, graph: Graph | dgl.DGLGraph, feat: Tensor, edge_weight: Tensor) -> Tensor:
        """Return the new node states, (N, D_out).

        Parameters
        ----------
        graph : Graph or DGLGraph
            N nodes, each with exactly one self edge.
        feat : (N, D_in) tensor
            Node states.
        edge_weight : (E,) tensor
            By edge id; the self edges' part is used.

        Raises
        ------
        ValueError
            If shapes or dtypes do not fit, or a node has not exactly one self edge.
        """
        graph = as_graph(graph, None, feat.device)
        require_shape("feat", feat, (graph.num_src, len(self.weight)))
        require_shape("edge_weight", edge_weight, (graph.num_edges,))
        total = segment_spmm(
            graph.merged, torch.ones_like(edge_weight)[None], feat[None], impl=self.impl
        )
        # Only the self edges are weighted: the neighbours are added up as they are (Eq. 3).
        own = edge_weight[graph.self_eids].unsqueeze(1) * (feat @ self.self_weight)
        return total.squeeze(0) @ self.weight + own + self.bias
