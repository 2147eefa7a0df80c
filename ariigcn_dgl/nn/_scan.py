"""Recurrent layers of torch, run with both directions in one pass over time."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ariigcn_dgl.graph import Sequences, Table
from ariigcn_dgl.nn._layout import run_aligned, run_packed
from ariigcn_dgl.ops import Impl
from ariigcn_dgl.ops._precision import autocasts

LARGEST_PADDING = 4  # times the utterances; with more, padding costs more than it saves


class Scan(torch.autograd.Function):
    """The recurrence of a layer over all time steps, from what its inputs add to the gates."""

    @staticmethod
    def runs_on(device: torch.device, width: int, dtype: torch.dtype) -> bool:
        """Whether the device can do it for so many units H."""
        raise NotImplementedError


def run_recurrent(
    rnn: nn.RNNBase,
    scan: type[Scan],
    feat: Tensor,
    lengths: Tensor | Sequences,
    impl: Impl = "native",
) -> Tensor:
    """Return the states, (N, D'), of torch's recurrent layers over every sequence.

    Both directions take each time step together, in `scan`: on the CPU, where torch has no fused
    kernel, and on CUDA, where cuDNN launches several for each step. Else torch runs them.

    Parameters
    ----------
    rnn : nn.GRU or nn.LSTM
        Holds the parameters.
    scan : type of Scan
        `GRUScan` or `LSTMScan`.
    feat : (N, D) tensor
    lengths : (B,) int64 tensor or Sequences
        Of dialogues that lie one after the other, on the CPU; or what follows what.
    impl : {"native", "reference"}
        "reference": torch's layers on every device.
    """
    sequences = lengths if isinstance(lengths, Sequences) else Sequences(lengths)
    return sequences.scatter(_run(rnn, scan, sequences.gather(feat), sequences, impl))


def _run(
    rnn: nn.RNNBase,
    scan: type[Scan],
    feat: Tensor,
    sequences: Sequences,
    impl: Impl,
) -> Tensor:
    scanned = impl == "native" and _is_scanned(rnn, scan, feat)
    lengths = sequences.lengths
    if lengths is None and not scanned:
        return run_aligned(rnn, feat, sequences.table)
    if lengths is not None and (not scanned or _mostly_padding(lengths)):
        return run_packed(rnn, feat, lengths)
    for layer in range(rnn.num_layers):
        if layer > 0:
            feat = F.dropout(feat, rnn.dropout, rnn.training)
        feat = _run_layer(rnn, scan, layer, feat, sequences.table)
    return feat


def _is_scanned(rnn: nn.RNNBase, scan: type[Scan], feat: Tensor) -> bool:
    device, dtype = feat.device, feat.dtype
    if autocasts(feat):
        if device.type == "cpu":  # torch's layer keeps autocast's rules there
            return False
        dtype = torch.get_autocast_dtype(device.type)
    return scan.runs_on(device, rnn.hidden_size, dtype)


def _mostly_padding(lengths: Tensor) -> bool:
    return int(lengths.max()) * len(lengths) > LARGEST_PADDING * int(lengths.sum())


def _run_layer(rnn: nn.RNNBase, scan: type[Scan], layer: int, feat: Tensor, table: Table) -> Tensor:
    suffixes = [f"_l{layer}", f"_l{layer}_reverse"][: 1 + rnn.bidirectional]

    def parameters(name: str) -> list[Tensor]:
        return [getattr(rnn, name + suffix) for suffix in suffixes]

    projected = [
        F.linear(feat, weight, bias)[rows]
        for weight, bias, rows in zip(
            parameters("weight_ih"), parameters("bias_ih"), table.rows, strict=False
        )
    ]
    inputs = torch.stack(projected, dim=1)
    # Autocast's type, which F.linear has already brought the inputs to.
    weight, bias = (torch.stack(parameters(name)).to(inputs) for name in ("weight_hh", "bias_hh"))
    states = scan.apply(inputs, weight, bias)
    pairs = zip(states.unbind(1), table.places, strict=False)
    return torch.cat([own.flatten(0, 1)[places] for own, places in pairs], dim=1)
