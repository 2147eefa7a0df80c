"""Recurrent layers of torch, run on the CPU with both directions in one loop over time."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ariigcn_dgl.nn._layout import run_packed

LARGEST_PADDING = 4  # times the utterances; with more, padding costs more than it saves


def run_recurrent(
    rnn: nn.RNNBase, scan: type[torch.autograd.Function], feat: Tensor, lengths: Tensor
) -> Tensor:
    """Return the states, (N, D'), of torch's recurrent layers over every dialogue.

    torch runs them where it has a fused kernel. On the CPU it has none: there both directions take
    each time step together, in `scan`.

    Parameters
    ----------
    rnn : nn.GRU or nn.LSTM
        Holds the parameters.
    scan : GRUScan or LSTMScan
    feat : (N, D) tensor
    lengths : (B,) int64 tensor
        On the CPU.
    """
    table = int(lengths.max()) * len(lengths)
    if (
        feat.device.type != "cpu"
        or torch.is_autocast_enabled("cpu")
        or table > LARGEST_PADDING * len(feat)
    ):
        return run_packed(rnn, feat, lengths)
    layout = _Layout.of(lengths, 2 if rnn.bidirectional else 1)
    for layer in range(rnn.num_layers):
        if layer > 0:
            feat = F.dropout(feat, rnn.dropout, rnn.training)
        feat = _run_layer(rnn, scan, layer, feat, layout)
    return feat


def _run_layer(
    rnn: nn.RNNBase, scan: type[torch.autograd.Function], layer: int, feat: Tensor, layout: _Layout
) -> Tensor:
    suffixes = [f"_l{layer}", f"_l{layer}_reverse"][: len(layout.rows)]

    def parameters(name: str) -> list[Tensor]:
        return [getattr(rnn, name + suffix) for suffix in suffixes]

    projected = [
        F.linear(feat, weight, bias)[rows]
        for weight, bias, rows in zip(
            parameters("weight_ih"), parameters("bias_ih"), layout.rows, strict=True
        )
    ]
    weight, bias = (torch.stack(parameters(name)) for name in ("weight_hh", "bias_hh"))
    states = scan.apply(torch.stack(projected, dim=1), weight, bias)
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
