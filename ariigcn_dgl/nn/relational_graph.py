"""The graph layers of AR-IIGCN, in every modality or across modalities (Eq. 8-10)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ariigcn_dgl.graph import Graph
from ariigcn_dgl.nn._dropout import Dropout
from ariigcn_dgl.nn._graph_inputs import as_graph
from ariigcn_dgl.nn._rel_edge_parameters import Norm
from ariigcn_dgl.nn.mean_conv import MeanConv, Reduction
from ariigcn_dgl.nn.rel_edge_attention_conv import RelEdgeAttentionConv

if TYPE_CHECKING:
    import dgl

Residual = Literal["none", "sum", "norm"]


class RelationalGraph(nn.Module):
    """Blocks of relational edge attention, then a mean convolution (Eq. 8-10).

    Parameters
    ----------
    hidden_dim : int
        Width D.
    num_rels, num_modalities : int
        Numbers of relations R and modalities M.
    residual : {"none", "sum", "norm"}
        "sum" adds each layer's input to its output, "norm" adds and normalises (LayerNorm). With
        "none", two layers over a window of 21 utterances blur neighbours into each other.
    dropout : float
        Dropout on each layer's output.
    cross_modal : bool
        The graph's nodes are the modalities of utterances (`modal_graph`), which share weights but
        for those that their relations tell apart; else its nodes are utterances, and each modality
        has weights of its own.
    norm : {"relation", "none"}
        Whether attention, which sums up to 1 already, is divided by :math:`|N_i^r|` as printed.
    second_norm : {"mean", "sum", "symmetric"}
        Reduction of the second layer; see `MeanConv`.
    num_blocks : int
        How often both layers follow each other.

    Examples
    --------
    >>> import torch
    >>> from ariigcn_dgl.graph import Graph
    >>> graph = Graph.from_dialogues(torch.tensor([3]), torch.tensor([0, 1, 0]))
    >>> RelationalGraph(4, 5, num_modalities=2)(graph, torch.ones(2, 3, 4)).shape
    torch.Size([2, 3, 4])
    """

    def __init__(
        self,
        hidden_dim: int,
        num_rels: int,
        num_modalities: int,
        residual: Residual = "none",
        dropout: float = 0.0,
        *,
        cross_modal: bool = False,
        norm: Norm = "relation",
        second_norm: Reduction = "mean",
        num_blocks: int = 1,
    ) -> None:
        super().__init__()
        sizes = hidden_dim, num_rels, num_modalities, cross_modal
        self.blocks = nn.ModuleList(
            [_Block(*sizes, residual, dropout, norm, second_norm) for _ in range(num_blocks)]
        )

    def forward(
        self,
        graph: Graph | dgl.DGLGraph,
        feat: Tensor,
        relation_names: Sequence[str] | Sequence[tuple[str, str, str]] | None = None,
    ) -> Tensor:
        """Return the node states, (M, N, D), after all layers.

        Parameters
        ----------
        graph : Graph or DGLGraph
            N nodes, with exactly one self edge each; across modalities N M nodes, of which
            ``i * M + m`` is modality m of utterance i.
        feat : (M, N, D) tensor
            States of the utterances in each modality.
        relation_names : sequence of str or of (str, str, str), optional
            The order of a DGL graph's edge types; see `Graph.from_dgl`.
        """
        structure = as_graph(graph, relation_names, feat.device)
        for block in self.blocks:
            feat = block(structure, feat)
        return feat


class _Block(nn.Module):
    """Edge attention and mean convolution, each with its residual."""

    def __init__(
        self,
        dim: int,
        num_rels: int,
        modalities: int,
        cross_modal: bool,
        residual: Residual,
        dropout: float,
        norm: Norm,
        second_norm: Reduction,
    ) -> None:
        super().__init__()
        self.cross_modal = cross_modal
        groups = 1 if cross_modal else modalities
        # Eq. 8-10 as printed: ReLU in the score, no biases.
        self.attend = RelEdgeAttentionConv(
            dim,
            dim,
            num_rels,
            num_groups=groups,
            norm=norm,
            negative_slope=0.0,
            bias=False,
            activation=F.gelu,
            allow_zero_in_degree=True,  # each node has its self edge: nothing to look for
        )
        self.mean = MeanConv(dim, dim, groups, second_norm)
        self.dropout = Dropout(dropout)
        self.residual = residual
        norms = 2 * modalities if residual == "norm" else 0  # of the first layer, the second
        self.norms = nn.ModuleList([nn.LayerNorm(dim) for _ in range(norms)])

    def forward(self, graph: Graph, feat: Tensor) -> Tensor:
        out, attention = self.attend(graph, self._nodes(feat), get_attention=True)
        first = self._join(feat, out, self.norms[: len(feat)])
        out = self.mean(graph, self._nodes(first), attention.flatten(1))
        return self._join(first, out, self.norms[len(feat) :])

    def _nodes(self, feat: Tensor) -> Tensor:
        """Return the graph's nodes: across modalities (1, N M, D) of (M, N, D)."""
        return feat.transpose(0, 1).reshape(1, -1, feat.size(-1)) if self.cross_modal else feat

    def _join(self, before: Tensor, nodes: Tensor, norms: nn.ModuleList) -> Tensor:
        """Return the states, (M, N, D), after a layer that has made these nodes of those before."""
        if self.cross_modal:
            nodes = nodes.view(-1, len(before), nodes.size(-1)).transpose(0, 1)
        after = self.dropout(nodes)
        if self.residual == "none":
            return after
        total = before + after
        if self.residual == "sum":
            return total
        return torch.stack([norm(x) for norm, x in zip(norms, total, strict=True)])
