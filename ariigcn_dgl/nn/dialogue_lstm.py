"""A bidirectional LSTM over the utterances of each dialogue."""

from __future__ import annotations

from torch import nn

from ariigcn_dgl.nn._recurrent import Recurrent


class DialogueLSTM(Recurrent):
    """Run a (bidirectional) LSTM over every dialogue of a batch.

    Parameters
    ----------
    in_feats : int
        Input width.
    hidden_dim : int
        Output width; half of it per direction.
    num_layers : int
        Layers, each of which reads the states of the one before.
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

    kind = nn.LSTM
