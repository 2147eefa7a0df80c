"""The two graph layers of every modality, over one shared graph (Eq. 8-10)."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ariigcn_dgl.graph import Graph
from ariigcn_dgl.nn._dropout import Dropout
from ariigcn_dgl.nn.mean_conv import MeanConv
from ariigcn_dgl.nn.rel_edge_attention_conv import RelEdgeAttentionConv

Residual = Literal["none", "sum", "norm"]


class RelationalGraph(nn.Module):
    """Relational edge attention, then a mean convolution, for each modality.

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
    ) -> None:
        super().__init__()
        # Eq. 8-10 as printed: |N_i^r| below the sum, ReLU in the score, no biases.
        self.attend = RelEdgeAttentionConv(
            hidden_dim,
            hidden_dim,
            num_rels,
            num_groups=num_modalities,
            norm="relation",
            negative_slope=0.0,
            bias=False,
            activation=F.gelu,
            allow_zero_in_degree=True,  # each utterance has its self edge: nothing to look for
        )
        self.mean = MeanConv(hidden_dim, hidden_dim, num_modalities)
        self.dropout = Dropout(dropout)
        self.residual = residual
        norms = 2 * num_modalities if residual == "norm" else 0  # of the first layer, the second
        self.norms = nn.ModuleList([nn.LayerNorm(hidden_dim) for _ in range(norms)])

    def forward(self, graph: Graph, feat: Tensor) -> Tensor:
        """Return the node states, (M, N, D), after both layers, of `feat`, (M, N, D)."""
        out, attention = self.attend(graph, feat, get_attention=True)
        first = self._join(feat, self.dropout(out), self.norms[: len(feat)])
        out = self.mean(graph, first, attention.flatten(1))
        return self._join(first, self.dropout(out), self.norms[len(feat) :])

    def _join(self, before: Tensor, after: Tensor, norms: nn.ModuleList) -> Tensor:
        if self.residual == "none":
            return after
        total = before + after
        if self.residual == "sum":
            return total
        return torch.stack([norm(x) for norm, x in zip(norms, total, strict=True)])
