"""A bidirectional GRU over the utterances of each dialogue."""

from __future__ import annotations

from torch import Tensor, nn

from ariigcn_dgl.nn._recurrent import Recurrent


class DialogueGRU(Recurrent):
    """Run a (bidirectional) GRU over every dialogue of a batch.

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
        If a bidirectional GRU is to have an odd width.

    Examples
    --------
    >>> import torch
    >>> gru = DialogueGRU(4, 6)
    >>> gru(torch.ones(5, 4), torch.tensor([2, 3])).shape
    torch.Size([5, 6])
    """

    kind = nn.GRU
    gru: nn.GRU  # as `Recurrent` names it

    def step(self, feat: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        """Read one more utterance of a dialogue that is still going on.

        Parameters
        ----------
        feat : (D_in,) tensor
            The utterance.
        state : (num_layers, hidden_dim) tensor or None
            What the last step returned; None before the first utterance.

        Returns
        -------
        (hidden_dim,) tensor and (num_layers, hidden_dim) tensor
            The utterance's state, as `forward` returns it, and what the next step goes on from.

        Raises
        ------
        ValueError
            If the GRU is bidirectional.
        """
        if self.gru.bidirectional:
            raise ValueError("a bidirectional GRU reads whole dialogues only")
        out, state = self.gru(feat.unsqueeze(0), state)
        return out.squeeze(0), state
