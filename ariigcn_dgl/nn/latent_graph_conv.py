"""Convolutions over fully linked graphs that attention finds in a dialogue."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ariigcn_dgl.nn._dropout import Dropout
from ariigcn_dgl.nn._layout import padded, places
from ariigcn_dgl.nn._parameters import glorot


class LatentGraphConv(nn.Module):
    r"""Find K latent graphs by multi-head attention; convolve each with densely connected layers.

    .. math::
        A^{(k)} &= \mathrm{softmax}\Big(\frac{X W^Q_k (X W^K_k)^\top}{\sqrt{D / K}}\Big), \qquad
            g^{(l)} = [x \oplus h_k^{(1)} \oplus \dots \oplus h_k^{(l - 1)}] \\
        h_{k, i}^{(l)} &= \mathrm{ReLU}\Big(\sum_j A^{(k)}_{ij} W^{(l)}_k g^{(l)}_j + b_k^{(l)}\Big)

    Each of the L sub-layers adds D / L columns, so that a branch is as wide as its input. This is
    the attention-guided, densely connected layer of AGGCN (Guo 2019). Utterances attend within
    their dialogue only; padding is masked before the softmax.

    Parameters
    ----------
    dim : int
        Width D.
    num_graphs : int
        Number of graphs K; divides D.
    num_layers : int
        Number of sub-layers L; divides D.
    dropout : float
        Dropout on the branches.

    Raises
    ------
    ValueError
        If K or L does not divide D.

    Examples
    --------
    >>> import torch
    >>> conv = LatentGraphConv(8, num_graphs=4, num_layers=2)
    >>> conv(torch.ones(5, 8), torch.tensor([2, 3])).shape
    torch.Size([5, 4, 8])
    """

    def __init__(
        self, dim: int, num_graphs: int = 4, num_layers: int = 2, dropout: float = 0.0
    ) -> None:
        super().__init__()
        for name, parts in (("num_graphs", num_graphs), ("num_layers", num_layers)):
            if dim % parts:
                raise ValueError(f"{name} must divide the width {dim}, got {parts}")
        self.num_graphs = num_graphs
        self.query = nn.Linear(dim, dim, bias=False)
        self.key = nn.Linear(dim, dim, bias=False)
        width = dim // num_layers  # so that all sub-layers together are as wide as the input
        self.weights = nn.ParameterList(
            [glorot(num_graphs, dim + layer * width, width) for layer in range(num_layers)]
        )
        self.biases = nn.ParameterList(
            [nn.Parameter(torch.zeros(num_graphs, 1, width)) for _ in range(num_layers)]
        )
        self.dropout = Dropout(dropout)

    def forward(self, feat: Tensor, lengths: Tensor) -> Tensor:
        """Return the K branches of every utterance, (N, K, D).

        Parameters
        ----------
        feat : (N, D) tensor
            Utterances, dialogue after dialogue.
        lengths : (B,) int64 tensor
            Utterances in each dialogue, at least 1, on the CPU.
        """
        table, exists = padded(feat, lengths)
        attention = self._attention(table, exists)
        dense = table.unsqueeze(1).expand(-1, self.num_graphs, -1, -1)  # (B, K, T, D)
        for weight, bias in zip(self.weights, self.biases, strict=True):
            dense = torch.cat([dense, (attention @ (dense @ weight) + bias).relu()], dim=-1)
        branches = dense[..., feat.size(1) :].transpose(1, 2)  # what was added to the input
        return self.dropout(branches[places(lengths, feat.device)])

    def _attention(self, table: Tensor, exists: Tensor) -> Tensor:
        """Return the graphs' edge weights, (B, K, T, T)."""
        query, key = (
            layer(table).unflatten(-1, (self.num_graphs, -1)).transpose(1, 2)
            for layer in (self.query, self.key)
        )
        scores = query @ key.mT / query.size(-1) ** 0.5
        scores = scores.masked_fill(~exists[:, None, None], torch.finfo(scores.dtype).min)
        return scores.softmax(-1)
