"""Additive attention alone, for sums that `relational_attention` does not make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from ariigcn_dgl.ops._checks import require_dim
from ariigcn_dgl.ops._impl import Impl
from ariigcn_dgl.ops.edge_softmax import Softmax
from ariigcn_dgl.ops.relational_attention import Activation, relational_attention

if TYPE_CHECKING:
    from ariigcn_dgl.graph import Graph


def additive_attention(
    graph: Graph,
    feat: Tensor,
    weight_dst: Tensor,
    weight_src: Tensor,
    score: Tensor,
    *,
    dst_feat: Tensor | None = None,
    bias: Tensor | None = None,
    activation: Activation = "leaky_relu",
    negative_slope: float = 0.0,
    softmax: Softmax = "all",
    impl: Impl = "native",
) -> Tensor:
    r"""Compute the attention of every edge from its ends, as GATv2 does (Brody 2022).

    .. math::
        e_{ij} = a^\top \sigma(W_{dst} h_i + W_{src} h_j + b_r), \qquad
        \alpha_{ij} = \mathrm{softmax}_j(e_{ij})

    The first half of `relational_attention`, whose arguments these are: no (E, A) tensor is made.

    Parameters
    ----------
    graph : Graph
        E edges of R relations from N_src sources to N_dst targets.
    feat : (M, N_src, D_in) tensor
        Source rows of M modalities.
    weight_dst, weight_src : (G, D_in, A) tensor
        Projections; G = M x heads, group g reads ``feat[g // heads]``.
    score : (G, A) tensor
        Score vector a.
    dst_feat : (M, N_dst, D_in) tensor, optional
        Target rows; default `feat`.
    bias : (G, R, A) tensor, optional
        Bias :math:`b_r`.
    activation : {"leaky_relu", "tanh", "elu", "gelu"}
        :math:`\sigma`.
    negative_slope : float
        Slope of "leaky_relu" below zero; 0 is ReLU.
    softmax : {"all", "relation"}
        Over all of a target's edges, or over those of each relation.
    impl : {"native", "reference"}
        "reference" computes in plain torch, as for debugging.

    Returns
    -------
    (G, E) tensor
        In the order of ``graph.indices``.

    Raises
    ------
    ValueError
        If shapes, dtypes or an option do not fit.

    Examples
    --------
    >>> import torch
    >>> from ariigcn_dgl.graph import Graph
    >>> graph = Graph.from_csr(torch.tensor([0, 2]), torch.tensor([0, 1]), num_src=2)
    >>> feat, one = torch.tensor([[[0.0], [1.0]]]), torch.ones(1, 1, 1)
    >>> additive_attention(graph, feat, one, one, one[0], dst_feat=feat[:, :1])
    tensor([[0.2689, 0.7311]])
    """
    require_dim(3, feat=feat, weight_dst=weight_dst)
    # The CPU's kernel sums nothing where nothing is wanted; those of CUDA want a column.
    width = 0 if feat.device.type == "cpu" else 1
    nothing = feat.new_zeros(len(weight_dst), graph.num_rels, feat.size(2), width)
    _, alpha = relational_attention(
        graph,
        feat,
        weight_dst,
        weight_src,
        score,
        nothing,
        dst_feat=dst_feat,
        bias=bias,
        activation=activation,
        negative_slope=negative_slope,
        softmax=softmax,
        normalise=False,
        impl=impl,
    )
    return alpha
