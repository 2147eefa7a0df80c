"""Convolution over a dialogue's hyperedges: each modality, and each utterance."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ariigcn_dgl.nn.modality_graph import ModalityGraph


class HypergraphConv(nn.Module):
    r"""Convolve L times over hyperedges with learned weights (M3NET, Chen 2023).

    .. math::
        e_m &= \frac{1}{T} \sum_t h_{m t}, \qquad
            e_t = \frac{\sum_m \gamma_m h_{m t}}{\sum_m \gamma_m} \\
        h_{m t} &\leftarrow \mathrm{LeakyReLU}\Big(
            \frac{\omega_m e_m + \omega_0 e_t}{\omega_m + \omega_0} + b_l\Big)

    A hyperedge joins all utterances of a modality, or all modalities of an utterance; means are
    over the nodes that there are. The weights, all 1 at first, are those of kinds of nodes and
    hyperedges and serve all layers: :math:`\gamma_m` of modalities in an utterance,
    :math:`\omega_m` of modalities and :math:`\omega_0` of utterances as hyperedges.

    Parameters
    ----------
    dim : int
        Width D.
    num_modalities : int
        Number of modalities M.
    num_layers : int
        Number of layers L.

    Examples
    --------
    >>> import torch
    >>> graph = ModalityGraph(torch.ones(2, 5, dtype=torch.bool), torch.tensor([2, 3]))
    >>> HypergraphConv(4, 2, num_layers=3)(graph, torch.ones(2, 6, 4)).shape
    torch.Size([2, 6, 4])
    """

    def __init__(self, dim: int, num_modalities: int, num_layers: int) -> None:
        super().__init__()
        # Logarithms, so that no weight becomes negative and no sum of them 0.
        self.log_node_weight = nn.Parameter(torch.zeros(num_modalities))
        self.log_edge_weight = nn.Parameter(torch.zeros(num_modalities + 1))  # utterances' last
        self.biases = nn.ParameterList(nn.Parameter(torch.zeros(dim)) for _ in range(num_layers))

    def forward(self, graph: ModalityGraph, feat: Tensor) -> Tensor:
        """Return the convolved states, (B, M T, D), of (B, M T, D)."""
        shape = (graph.num_modalities, -1)
        exists = graph.exists.unflatten(1, shape).unsqueeze(-1).to(feat)
        by_modality = _shares(exists, dim=2)
        by_utterance = _shares(exists * self.log_node_weight.exp().view(-1, 1, 1), dim=1)
        of_modality, of_utterance = self.log_edge_weight[:-1], self.log_edge_weight[-1]
        # The modality's share of both weights.
        share = torch.sigmoid(of_modality - of_utterance).view(-1, 1, 1)
        states = feat.unflatten(1, shape)  # (B, M, T, D)
        for bias in self.biases:
            modality = (by_modality * states).sum(2, keepdim=True)
            utterance = (by_utterance * states).sum(1, keepdim=True)
            states = F.leaky_relu(share * modality + (1 - share) * utterance + bias)
        return states.flatten(1, 2)


def _shares(weight: Tensor, dim: int) -> Tensor:
    """Return each node's share in its hyperedge; 0 where nothing is in it."""
    total = weight.sum(dim, keepdim=True)
    return weight / torch.where(total > 0, total, 1)
