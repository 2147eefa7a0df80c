"""A bidirectional LSTM over the utterances of each dialogue."""

from __future__ import annotations

from torch import Tensor, nn

from ariigcn_dgl.graph import Sequences
from ariigcn_dgl.nn._lstm_scan import LSTMScan
from ariigcn_dgl.nn._scan import run_recurrent


class DialogueLSTM(nn.Module):
    """Run a (bidirectional) LSTM over every dialogue of a batch.

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
        If a bidirectional LSTM is to have an odd width.

    Examples
    --------
    >>> import torch
    >>> lstm = DialogueLSTM(4, 6)
    >>> lstm(torch.ones(5, 4), torch.tensor([2, 3])).shape
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
            raise ValueError(f"hidden_dim of a bidirectional LSTM must be even, got {hidden_dim}")
        self.lstm = nn.LSTM(
            in_feats,
            hidden_dim // 2 if bidirectional else hidden_dim,
            num_layers,
            dropout=dropout if num_layers > 1 else 0.0,
            bidirectional=bidirectional,
        )

    def forward(self, feat: Tensor, lengths: Tensor | Sequences) -> Tensor:
        """Return the states.

        Parameters
        ----------
        feat : (N, D_in) tensor
            Utterances, dialogue after dialogue.
        lengths : (B,) int64 tensor or Sequences
            Utterances in each dialogue, on the CPU; or which rows follow each other.

        Returns
        -------
        (N, hidden_dim) tensor
            In the order of `feat`.
        """
        return run_recurrent(self.lstm, LSTMScan, feat, lengths)
