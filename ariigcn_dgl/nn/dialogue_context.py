"""Context of the whole dialogue, read by one GRU over all modalities, returned to each of them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ariigcn_dgl.nn.dialogue_gru import DialogueGRU


class DialogueContext(nn.Module):
    """Add to every modality what a GRU over the concatenated modalities has read.

    Parameters
    ----------
    hidden_dim : int
        Width D of each modality; the GRU's output has twice this width.
    num_modalities : int
        Number of modalities M.
    dropout : float
        Dropout before and after the GRU.

    Examples
    --------
    >>> import torch
    >>> DialogueContext(4, num_modalities=2)(torch.ones(2, 5, 4), torch.tensor([2, 3])).shape
    torch.Size([2, 5, 4])
    """

    def __init__(self, hidden_dim: int, num_modalities: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.gru = DialogueGRU(num_modalities * hidden_dim, 2 * hidden_dim)
        self.dropout = nn.Dropout(dropout)
        self.project = nn.ModuleList(
            [nn.Linear(2 * hidden_dim, hidden_dim) for _ in range(num_modalities)]
        )
        self.norm = nn.ModuleList([nn.LayerNorm(hidden_dim) for _ in range(num_modalities)])

    def forward(self, feat: Tensor, lengths: Tensor) -> Tensor:
        """Return the states with context, (M, N, D), of `feat`, (M, N, D), dialogue by dialogue.

        Parameters
        ----------
        feat : (M, N, D) tensor
        lengths : (B,) int64 tensor
            Utterances in each dialogue, on the CPU.
        """
        joint = feat.transpose(0, 1).flatten(1)  # (N, M D)
        states = self.dropout(self.gru(self.dropout(joint), lengths))
        return torch.stack(
            [
                norm(own + project(states))
                for own, project, norm in zip(feat, self.project, self.norm, strict=True)
            ]
        )
