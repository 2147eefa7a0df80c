"""The first graph layer: edge attention and relational convolution of all modalities (Eq. 8-10)."""

from __future__ import annotations

from torch import Tensor, nn

from ariigcn_dgl.graph import Graph
from ariigcn_dgl.nn._parameters import glorot, glorot_
from ariigcn_dgl.ops import relational_attention
from ariigcn_dgl.ops._checks import require_shape


class ModalityRelConv(nn.Module):
    r"""Relational graph convolution whose edges are weighted by attention (Eq. 8-10).

    .. math::
        e_{ij} = w_1^\top \mathrm{ReLU}(W_2 [h_i \oplus h_j]), \qquad
        \alpha_{ij} = \mathrm{softmax}_j(e_{ij}), \qquad
        h'_i = \mathrm{GELU}\Big(\sum_r \sum_{j \in N_i^r} \frac{\alpha_{ij}}{|N_i^r|} W_r h_j\Big)

    The self term :math:`\alpha_{ii} W_0 h_i` is the relation of the self edges. The modalities
    share the graph and have weights of their own; they run in one call. `RelEdgeAttentionConv` is
    the same layer for one set of features, with DGL's options.

    Parameters
    ----------
    in_feats, out_feats : int
        Widths D_in and D_out.
    num_rels : int
        Number of relations R.
    num_modalities : int
        Number of modalities M.
    attn_drop : float
        Dropout on the attention.

    Examples
    --------
    >>> import torch
    >>> graph = Graph.from_dialogues(torch.tensor([3]), torch.tensor([0, 1, 0]))
    >>> conv = ModalityRelConv(4, 6, graph.num_rels, num_modalities=2)
    >>> out, attention = conv(graph, torch.ones(2, 3, 4))
    >>> out.shape, attention.shape
    (torch.Size([2, 3, 6]), torch.Size([2, 9]))
    """

    def __init__(
        self,
        in_feats: int,
        out_feats: int,
        num_rels: int,
        num_modalities: int,
        attn_drop: float = 0.0,
    ) -> None:
        super().__init__()
        self.attn_drop = attn_drop
        self.weight_dst = glorot(num_modalities, in_feats, in_feats)
        self.weight_src = glorot(num_modalities, in_feats, in_feats)
        self.score = glorot(num_modalities, in_feats, 1)
        self.rel_weight = glorot(num_modalities, num_rels, in_feats, out_feats)

    def reset_parameters(self) -> None:
        """Draw all weights anew."""
        for parameter in self.parameters():
            glorot_(parameter)

    def forward(self, graph: Graph, feat: Tensor) -> tuple[Tensor, Tensor]:
        """Return the new node states and the attention.

        Parameters
        ----------
        graph : Graph
            N nodes, E edges of R relations; a target without in-edges gets zeros.
        feat : (M, N, D_in) tensor

        Returns
        -------
        (M, N, D_out) tensor
        (M, E) tensor
            Attention in the order of ``graph.indices``.

        Raises
        ------
        ValueError
            If shapes, dtypes or relations do not fit.
        """
        modalities, num_rels, in_feats, _ = self.rel_weight.shape
        if graph.num_rels != num_rels or graph.num_src != graph.num_dst:
            raise ValueError(
                f"graph must have {num_rels} relations and as many sources as targets, got "
                f"{graph.num_rels} relations, {graph.num_src} sources, {graph.num_dst} targets"
            )
        require_shape("feat", feat, (modalities, graph.num_dst, in_feats))
        return relational_attention(
            graph,
            feat,
            self.weight_dst,
            self.weight_src,
            self.score.squeeze(-1),
            self.rel_weight,
            dropout=self.attn_drop if self.training else 0.0,
            gelu=True,
        )
