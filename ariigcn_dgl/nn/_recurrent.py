"""What the recurrent layers over dialogues have in common."""

from __future__ import annotations

from typing import ClassVar, cast

from torch import Tensor, nn

from ariigcn_dgl.graph import Sequences
from ariigcn_dgl.nn._scan import run_recurrent
from ariigcn_dgl.ops import Impl


class Recurrent(nn.Module):
    """A layer of torch, of `kind`, that reads every dialogue of a batch."""

    kind: ClassVar[type[nn.GRU] | type[nn.LSTM]]
    impl: Impl = "native"

    def __init__(
        self,
        in_feats: int,
        hidden_dim: int,
        num_layers: int = 1,
        dropout: float = 0.0,
        bidirectional: bool = True,
    ) -> None:
        super().__init__()
        name = self.kind.__name__
        if bidirectional and hidden_dim % 2:
            raise ValueError(f"hidden_dim of a bidirectional {name} must be even, got {hidden_dim}")
        rnn = self.kind(
            in_feats,
            hidden_dim // 2 if bidirectional else hidden_dim,
            num_layers,
            dropout=dropout if num_layers > 1 else 0.0,  # torch warns where nothing lies between
            bidirectional=bidirectional,
        )
        self.add_module(name.lower(), rnn)

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

        Raises
        ------
        ValueError
            If the lengths do not add up to N.
        """
        (rnn,) = self.children()  # its name is the kind's
        return run_recurrent(cast(nn.RNNBase, rnn), feat, lengths, self.impl)
