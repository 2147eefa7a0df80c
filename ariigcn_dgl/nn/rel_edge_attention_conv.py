"""The first graph layer: edge attention and relational convolution (Eq. 8-10)."""

from __future__ import annotations

from torch import Tensor, nn

from ariigcn_dgl._dgl import dgl
from ariigcn_dgl.graph import Graph, as_graph
from ariigcn_dgl.nn._parameters import glorot, glorot_
from ariigcn_dgl.ops import relational_attention
from ariigcn_dgl.ops._checks import require_shape


class RelEdgeAttentionConv(nn.Module):
    r"""Relational graph convolution whose edges are weighted by attention (Eq. 8-10).

    .. math::
        e_{ij} = w_1^\top \mathrm{ReLU}(W_2 [h_i \oplus h_j]), \qquad
        \alpha_{ij} = \mathrm{softmax}_j(e_{ij}), \qquad
        h'_i = \mathrm{GELU}\Big(\sum_r \sum_{j \in N_i^r} \frac{\alpha_{ij}}{|N_i^r|} W_r h_j\Big)

    The self term :math:`\alpha_{ii} W_0 h_i` is the relation of the self edges. Several groups
    (modalities) share the graph and have weights of their own; they run in one call.

    Parameters
    ----------
    in_feats, out_feats : int
        Widths D_in and D_out.
    num_rels : int
        Number of relations R.
    num_groups : int
        Number of groups G.
    negative_slope : float
        Slope of LeakyReLU in the score; 0 is ReLU.
    attn_drop : float
        Dropout on the attention.

    Examples
    --------
    >>> import torch
    >>> from ariigcn_dgl.graph import window_graph
    >>> graph = window_graph(torch.tensor([3]), torch.tensor([0, 1, 0]))
    >>> conv = RelEdgeAttentionConv(4, 6, graph.num_rels, num_groups=2)
    >>> out, attention = conv(graph, torch.ones(2, 3, 4), get_attention=True)
    >>> out.shape, attention.shape
    (torch.Size([2, 3, 6]), torch.Size([2, 9]))
    """

    def __init__(
        self,
        in_feats: int,
        out_feats: int,
        num_rels: int,
        num_groups: int = 1,
        negative_slope: float = 0.0,
        attn_drop: float = 0.0,
    ) -> None:
        super().__init__()
        self.negative_slope = negative_slope
        self.attn_drop = attn_drop
        self.weight_dst = glorot(num_groups, in_feats, in_feats)
        self.weight_src = glorot(num_groups, in_feats, in_feats)
        self.score = glorot(num_groups, in_feats, 1)
        self.rel_weight = glorot(num_groups, num_rels, in_feats, out_feats)

    def reset_parameters(self) -> None:
        """Draw all weights anew."""
        for parameter in self.parameters():
            glorot_(parameter)

    def forward(
        self,
        graph: Graph | dgl.DGLGraph,
        feat: Tensor,
        etypes: Tensor | None = None,
        get_attention: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Return the new node states.

        Parameters
        ----------
        graph : Graph or DGLGraph
            N nodes, E edges. In a heterograph, relation r is ``canonical_etypes[r]``; `as_graph`
            takes another order.
        feat : (G, N, D_in) tensor
            Node states; (N, D_in) where there is one group.
        etypes : (E,) int tensor, optional
            Relations, for a homogeneous DGLGraph.
        get_attention : bool
            Also return the attention: in the order of ``Graph.indices``, of a DGLGraph in that of
            its edge ids (a heterograph's edges are counted as `dgl.to_homogeneous` does).

        Returns
        -------
        (G, N, D_out) tensor, or (N, D_out) as `feat`; and (G, E) attention if asked for

        Raises
        ------
        ValueError
            If shapes, dtypes or relations do not fit.
        """
        groups, num_rels, in_feats, _ = self.rel_weight.shape
        own_order = isinstance(graph, Graph)
        graph = as_graph(graph, etypes, num_rels=num_rels).to(feat.device)
        if graph.num_rels != num_rels or graph.num_src != graph.num_dst:
            raise ValueError(
                f"graph must have {num_rels} relations and as many sources as targets, got "
                f"{graph.num_rels} relations, {graph.num_src} sources, {graph.num_dst} targets"
            )
        grouped = feat if feat.dim() == 3 else feat.unsqueeze(0)
        require_shape("feat", grouped, (groups, graph.num_dst, in_feats))
        out, alpha = relational_attention(
            graph,
            grouped,
            self.weight_dst,
            self.weight_src,
            self.score.squeeze(-1),
            self.rel_weight,
            negative_slope=self.negative_slope,
            dropout=self.attn_drop if self.training else 0.0,
            gelu=True,
        )
        out = out if feat.dim() == 3 else out.squeeze(0)
        if not get_attention:
            return out
        return out, alpha if own_order else alpha[:, graph.eids.argsort()]
