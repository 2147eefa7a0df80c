"""A bidirectional GRU over the utterances of each dialogue."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ariigcn_dgl.nn._gru_scan import GRUScan
from ariigcn_dgl.nn._layout import run_packed

LARGEST_PADDING = 4  # times the utterances; with more, padding costs more than it saves


class DialogueGRU(nn.Module):
    """Run a (bidirectional) GRU over every dialogue of a batch, without padding.

    `torch.nn.GRU`, which holds the parameters, runs where it has a fused kernel; on the CPU, where
    it has none, both directions take each time step together.

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
        table = int(lengths.max()) * len(lengths)
        if (
            feat.device.type != "cpu"
            or torch.is_autocast_enabled("cpu")
            or table > LARGEST_PADDING * len(feat)
        ):
            return run_packed(self.gru, feat, lengths)
        gru = self.gru
        layout = _Layout.of(lengths, 2 if gru.bidirectional else 1)
        for layer in range(gru.num_layers):
            if layer > 0:
                feat = F.dropout(feat, gru.dropout, gru.training)
            feat = self._layer(layer, feat, layout)
        return feat

    def step(self, feat: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        """Read one more utterance of a dialogue that is still going on.

        Parameters
        ----------
        feat : (D_in,) tensor
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

    def _layer(self, layer: int, feat: Tensor, layout: _Layout) -> Tensor:
        suffixes = [f"_l{layer}", f"_l{layer}_reverse"][: len(layout.rows)]

        def parameters(name: str) -> list[Tensor]:
            return [getattr(self.gru, name + suffix) for suffix in suffixes]

        projected = [
            F.linear(feat, weight, bias)[rows]
            for weight, bias, rows in zip(
                parameters("weight_ih"), parameters("bias_ih"), layout.rows, strict=True
            )
        ]
        weight, bias = (torch.stack(parameters(name)) for name in ("weight_hh", "bias_hh"))
        states = GRUScan.apply(torch.stack(projected, dim=1), weight, bias)
        pairs = zip(states.unbind(1), layout.places, strict=True)
        return torch.cat([own.flatten(0, 1)[places] for own, places in pairs], dim=1)


@dataclass(frozen=True)
class _Layout:
    """Where utterances stand in a table of T time steps x B dialogues.

    The second direction reads each dialogue from its end.

    Parameters
    ----------
    rows : (S, T, B) tensor
        Utterance at each place of each direction's table. The places behind the end of a dialogue
        repeat its last one read; nothing reads their states.
    places : (S, N) tensor
        Place of each utterance, counted through time steps.
    """

    rows: Tensor
    places: Tensor

    @classmethod
    def of(cls, lengths: Tensor, directions: int) -> _Layout:
        starts, length = (x[lengths > 0] for x in (lengths.cumsum(0) - lengths, lengths))
        time = torch.arange(int(lengths.max())).unsqueeze(1)
        turn = torch.minimum(time, length - 1)  # (T, B)
        rows = torch.stack([starts + turn, starts + length - 1 - turn][:directions])
        exists = time < length
        places = torch.empty(directions, int(lengths.sum()), dtype=torch.int64)
        at = exists.flatten().nonzero().squeeze(1)
        places.scatter_(1, rows[:, exists], at.expand(directions, -1))
        return cls(rows, places)
