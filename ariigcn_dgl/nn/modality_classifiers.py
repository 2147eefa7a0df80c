"""One linear classifier per modality, beside the one on the fused utterance."""

from __future__ import annotations

from torch import Tensor, nn

from ariigcn_dgl.nn._dropout import Dropout
from ariigcn_dgl.nn._side_by_side import grouped_linear


class ModalityClassifiers(nn.Module):
    """Classify the utterance from each modality alone.

    Their own cross entropy makes every modality carry the emotion by itself, and their logits may
    be added to a fused classifier's (an ensemble over modalities).

    Parameters
    ----------
    in_feats : int
        Width D of each modality's state.
    num_classes, num_modalities : int
        Numbers of classes C and modalities M.
    dropout : float
        Dropout on the states.

    Examples
    --------
    >>> import torch
    >>> ModalityClassifiers(4, num_classes=6, num_modalities=2)(torch.ones(2, 5, 4)).shape
    torch.Size([2, 5, 6])
    """

    def __init__(
        self, in_feats: int, num_classes: int, num_modalities: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.dropout = Dropout(dropout)
        self.linears = nn.ModuleList(
            [nn.Linear(in_feats, num_classes) for _ in range(num_modalities)]
        )

    def forward(self, states: Tensor) -> Tensor:
        """Return the logits of every modality, (M, N, C), of its states, (M, N, D)."""
        return grouped_linear(self.linears, self.dropout(states))
