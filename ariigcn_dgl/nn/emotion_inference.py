"""The Emotion Inference Subnetwork: the classifier on the fused utterance (Eq. 15)."""

from __future__ import annotations

from torch import Tensor, nn

from ariigcn_dgl.nn._dropout import Dropout


class EmotionInferenceSubnetwork(nn.Module):
    r"""Classify the concatenated modalities (Eq. 15).

    .. math:: o_i = W_3 \mathrm{ReLU}(W_2 \mathrm{ReLU}(W_1 z_i))

    Parameters
    ----------
    in_feats : int
        Width of the fused utterance.
    num_classes : int
        Number of classes C.
    hidden_dim : int
        Width of the two hidden layers.
    dropout : float
        Dropout before every layer.

    Examples
    --------
    >>> import torch
    >>> EmotionInferenceSubnetwork(12, 6)(torch.ones(5, 12)).shape
    torch.Size([5, 6])
    """

    def __init__(
        self, in_feats: int, num_classes: int, hidden_dim: int = 128, dropout: float = 0.5
    ) -> None:
        super().__init__()
        # Two hidden layers of 128, as in the subnetwork of TFN (Zadeh 2017) that the paper rewords.
        self.layers = nn.Sequential(
            Dropout(dropout),
            nn.Linear(in_feats, hidden_dim),
            nn.ReLU(),
            Dropout(dropout),
            nn.Linear(hidden_dim, hidden_dim),
            nn.ReLU(),
            Dropout(dropout),
            nn.Linear(hidden_dim, num_classes),
        )

    def forward(self, fused: Tensor) -> Tensor:
        """Return the logits, (N, C), of fused utterances, (N, D)."""
        return self.layers(fused)
