"""A bidirectional GRU over the utterances of each dialogue."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence


class DialogueGRU(nn.Module):
    """Run a (bidirectional) GRU over every dialogue of a batch, without padding.

    Parameters
    ----------
    in_feats : int
        Input width.
    hidden_dim : int
        Output width; half of it per direction.
    num_layers : int
    dropout : float
        Dropout between layers.
    bidirectional : bool
        False: an utterance sees its past only.

    Raises
    ------
    ValueError
        If a bidirectional GRU is to have an odd width.

    Examples
    --------
    >>> import torch
    >>> gru = DialogueGRU(4, 6)
    >>> gru(torch.ones(5, 4), torch.tensor([2, 3])).shape
    torch.Size([5, 6])
    """

    def __init__(
        self,
        in_feats: int,
        hidden_dim: int,
        num_layers: int = 1,
        dropout: float = 0.0,
        bidirectional: bool = True,
    ) -> None:
        super().__init__()
        if bidirectional and hidden_dim % 2:
            raise ValueError(f"hidden_dim of a bidirectional GRU must be even, got {hidden_dim}")
        self.gru = nn.GRU(
            in_feats,
            hidden_dim // 2 if bidirectional else hidden_dim,
            num_layers,
            dropout=dropout if num_layers > 1 else 0.0,
            bidirectional=bidirectional,
        )

    def forward(self, feat: Tensor, lengths: Tensor) -> Tensor:
        """Return the states.

        Parameters
        ----------
        feat : (N, D_in) tensor
            Utterances, dialogue after dialogue.
        lengths : (B,) int64 tensor
            Utterances in each dialogue, at least 1, on the CPU.

        Returns
        -------
        (N, hidden_dim) tensor
            In the order of `feat`.
        """
        order, batch_sizes = _time_major(lengths)
        order = order.to(feat.device)
        states = self.gru(PackedSequence(feat[order], batch_sizes))[0].data
        out = torch.empty_like(states)
        out[order] = states
        return out


def _time_major(lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows in packed order (first utterances of all dialogues, longest first, ...)."""
    longest_first = torch.argsort(lengths, descending=True, stable=True)
    starts = (lengths.cumsum(0) - lengths)[longest_first]
    turns = torch.arange(int(lengths.max()))
    exists = turns[:, None] < lengths[longest_first]  # (T, B)
    return (starts + turns[:, None])[exists], exists.sum(1)
