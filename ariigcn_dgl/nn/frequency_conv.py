"""Graph convolution that learns for each edge whether neighbours are added or subtracted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from torch import Tensor, nn


class FrequencyConv(nn.Module):
    r"""Convolve K times, each edge between a low-pass and a high-pass filter (M3NET, Chen 2023).

    .. math::
        h_i \leftarrow h_i + \sum_{j \in N_i} \frac{\tanh(w_k^\top [h_i \oplus h_j] + b_k)}
            {\sqrt{|N_i| |N_j|}} h_j

    A gate near 1 adds a neighbour, what both have in common (low frequencies); one near -1
    subtracts it, which leaves their difference (high frequencies), as in FAGCN (Bo 2021).

    Parameters
    ----------
    dim : int
        Width D.
    num_layers : int
        Number of layers K.

    Examples
    --------
    >>> import torch
    >>> FrequencyConv(4, num_layers=2)(~torch.eye(3).bool().unsqueeze(0), torch.ones(1, 3, 4)).shape
    torch.Size([1, 3, 4])
    """

    def __init__(self, dim: int, num_layers: int) -> None:
        super().__init__()
        self.gates = nn.ModuleList(nn.Linear(2 * dim, 1) for _ in range(num_layers))

    def forward(self, linked: Tensor, feat: Tensor) -> Tensor:
        """Return the convolved states, (B, V, D).

        Parameters
        ----------
        linked : (B, V, V) bool tensor
            Where an edge is, in each graph; symmetric.
        feat : (B, V, D) tensor
            The nodes' states.
        """
        root = linked.sum(-1).clamp(min=1).to(feat).rsqrt()  # 1 where there is no neighbour
        norm = linked * root.unsqueeze(-1) * root.unsqueeze(-2)
        states = feat
        for gate in cast("Iterable[nn.Linear]", self.gates):
            # The two halves of the gate's product, instead of D numbers for every pair.
            target, source = gate.weight.view(2, -1).unbind()
            scores = (states @ target).unsqueeze(-1) + (states @ source).unsqueeze(-2) + gate.bias
            states = states + (norm * scores.tanh()) @ states
        return states
