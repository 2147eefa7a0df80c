"""Attention over a dialogue: every utterance becomes a mean of all of them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ariigcn_dgl.nn._layout import padded, places


class DialogueAttention(nn.Module):
    r"""Replace every utterance by what it attends to in its dialogue (bilinear attention).

    .. math::
        \beta_{tk} = \mathrm{softmax}_k\big((W e_t + b)^\top e_k\big), \qquad
        \tilde e_t = \sum_k \beta_{tk} e_k

    This is the "nodal" attention of DialogueGCN (Ghosal 2019) and the emotion attention of
    DialogueRNN (Majumder 2019). Padding is masked before the softmax.

    Parameters
    ----------
    dim : int
        Width D.
    past_only : bool
        Attend to an utterance itself and what came before it.

    Examples
    --------
    >>> import torch
    >>> attention = DialogueAttention(4)
    >>> attention(torch.ones(5, 4), torch.tensor([2, 3])).shape
    torch.Size([5, 4])
    """

    def __init__(self, dim: int, past_only: bool = False) -> None:
        super().__init__()
        self.past_only = past_only
        self.query = nn.Linear(dim, dim)

    def forward(self, feat: Tensor, lengths: Tensor) -> Tensor:
        """Return the attended utterances.

        Parameters
        ----------
        feat : (N, D) tensor
            Utterances, dialogue after dialogue.
        lengths : (B,) int64 tensor
            Utterances in each dialogue, at least 1, on the CPU.

        Returns
        -------
        (N, D) tensor
        """
        table, exists = padded(feat, lengths)
        scores = self.query(table) @ table.mT
        hidden = ~exists.unsqueeze(1)
        if self.past_only:  # what stands above the diagonal is still to come
            hidden = hidden | torch.ones_like(scores[0], dtype=torch.bool).triu(1)
        scores = scores.masked_fill(hidden, torch.finfo(scores.dtype).min)
        return (scores.softmax(-1) @ table)[places(lengths, feat.device)]
