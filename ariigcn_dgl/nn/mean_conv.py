"""The second graph layer: mean over all neighbours and an attended self term (Eq. 10)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ariigcn_dgl.graph import Graph
from ariigcn_dgl.nn._graph_inputs import as_graph
from ariigcn_dgl.nn._parameters import glorot, glorot_
from ariigcn_dgl.ops import Impl, segment_spmm
from ariigcn_dgl.ops._checks import require_choice, require_shape

if TYPE_CHECKING:
    import dgl

Reduction = Literal["mean", "sum", "symmetric"]


class MeanConv(nn.Module):
    r"""Graph convolution over all relations alike (Eq. 10, second layer).

    .. math::
        h'_i = \mathrm{GELU}\Big(\sum_{j \in N_i} c_{ij} W h_j + \alpha_{ii} W_0 h_i\Big)

    The paper prints a plain sum, :math:`c_{ij} = 1`; the mean, :math:`c_{ij} = 1 / |N_i|`, keeps
    the scale independent of the window. The degree matrix, which its Algorithm 1 names among the
    inputs, is used by :math:`c_{ij} = 1 / \sqrt{|N_i| |N_j|}`.

    Parameters
    ----------
    in_feats, out_feats : int
        Widths D_in and D_out.
    num_groups : int
        Number of groups G (modalities) with weights of their own.
    reduction : {"mean", "sum", "symmetric"}
        One of the three factors above.

    Examples
    --------
    >>> import torch
    >>> from ariigcn_dgl.graph import Graph
    >>> graph = Graph.from_dialogues(torch.tensor([3]), torch.tensor([0, 1, 0]))
    >>> attention = torch.full((2, graph.num_edges), 1 / 3)
    >>> MeanConv(4, 6, num_groups=2)(graph, torch.ones(2, 3, 4), attention).shape
    torch.Size([2, 3, 6])
    """

    impl: Impl = "native"

    def __init__(
        self, in_feats: int, out_feats: int, num_groups: int = 1, reduction: Reduction = "mean"
    ) -> None:
        super().__init__()
        require_choice("reduction", reduction, get_args(Reduction))
        self.reduction = reduction
        self.weight = glorot(num_groups, in_feats, out_feats)
        self.self_weight = glorot(num_groups, in_feats, out_feats)

    def reset_parameters(self) -> None:
        """Draw all weights anew."""
        for parameter in self.parameters():
            glorot_(parameter)

    def forward(
        self,
        graph: Graph | dgl.DGLGraph,
        feat: Tensor,
        attention: Tensor,
        relation_names: Sequence[str] | None = None,
    ) -> Tensor:
        """Return the new node states.

        Parameters
        ----------
        graph : Graph or DGLGraph
            N nodes, each with exactly one self edge.
        feat : (G, N, D_in) tensor
            Node states of each group.
        attention : (G, E) tensor
            Attention of the first layer by edge id; the self edges' part is used.
        relation_names : sequence of str, optional
            The order of a DGL graph's edge types; see `Graph.from_dgl`.

        Returns
        -------
        (G, N, D_out) tensor

        Raises
        ------
        ValueError
            If shapes or dtypes do not fit, or a node has not exactly one self edge.
        """
        graph = as_graph(graph, relation_names, feat.device)
        require_shape("feat", feat, (len(self.weight), graph.num_src, self.weight.size(1)))
        require_shape("attention", attention, (len(feat), graph.num_edges))
        weight = self._factors(graph).to(feat).expand(len(feat), -1)
        mean = segment_spmm(graph.merged, weight, feat, impl=self.impl)
        self_attention = attention[:, graph.self_eids].unsqueeze(-1)
        # Transformed after the mean: a product for each node, not for each edge.
        return F.gelu(mean @ self.weight + self_attention * (feat @ self.self_weight))

    def _factors(self, graph: Graph) -> Tensor:
        """Return c_ij of every edge, (E,)."""
        if self.reduction == "mean":
            return graph.in_norm
        if self.reduction == "sum":
            return torch.ones_like(graph.in_norm)
        return graph.symmetric_norm
