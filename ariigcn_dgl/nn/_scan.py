"""Recurrent layers of torch, run with both directions in one pass over time."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ariigcn_dgl.graph import Sequences, Table
from ariigcn_dgl.graph.window import check_lengths
from ariigcn_dgl.nn._gru_scan import GRUScan, runs_on
from ariigcn_dgl.nn._layout import no_states, run_aligned, run_packed
from ariigcn_dgl.nn._lstm_scan import LSTMScan
from ariigcn_dgl.ops import Impl
from ariigcn_dgl.ops._impl import is_reference
from ariigcn_dgl.ops._precision import autocasts

RunLayer = Callable[[nn.RNNBase, int, Tensor, Table], Tensor]
LARGEST_PADDING = 4  # times the utterances; with more, padding costs more than it saves


def run_recurrent(
    rnn: nn.RNNBase,
    feat: Tensor,
    lengths: Tensor | Sequences,
    impl: Impl = "native",
) -> Tensor:
    """Return the states, (N, D'), of torch's recurrent layers over every sequence.

    Both directions take each time step together in our own recurrences: on the CPU, where torch has
    no fused kernel, and of a GRU on CUDA, where cuDNN has several for each step. Else torch runs
    them.

    Parameters
    ----------
    rnn : nn.GRU or nn.LSTM
        Holds the parameters.
    feat : (N, D) tensor
        Rows of all sequences.
    lengths : (B,) int64 tensor or Sequences
        Of dialogues that lie one after the other, on the CPU; or what follows what.
    impl : {"native", "reference"}
        "reference": torch's layers on every device.

    Raises
    ------
    ValueError
        If the lengths do not add up to N.
    """
    sequences = lengths if isinstance(lengths, Sequences) else Sequences(lengths)
    if sequences.lengths is not None and not torch.compiler.is_compiling():
        check_lengths(sequences.lengths, "feat", len(feat))
    if not len(feat):
        return no_states(feat, rnn.hidden_size * (1 + rnn.bidirectional))
    run_layer = None if is_reference(impl, feat) else _own_way(rnn, feat)
    known = sequences.lengths
    if known is not None and (run_layer is None or _mostly_padding(known)):
        return sequences.scatter(run_packed(rnn, sequences.gather(feat), known))
    if run_layer is None:
        return run_aligned(rnn, feat, sequences.table)
    table = sequences.table.to(feat.device)
    for layer in range(rnn.num_layers):
        if layer > 0:  # between the layers, as torch does
            feat = F.dropout(feat, rnn.dropout, rnn.training)
        feat = run_layer(rnn, layer, feat, table)
    return feat


def _own_way(rnn: nn.RNNBase, feat: Tensor) -> RunLayer | None:
    """Return what runs a layer, None where torch's own layers have to."""
    device, dtype = feat.device, feat.dtype
    if autocasts(feat):
        if device.type == "cpu":
            return None
        dtype = torch.get_autocast_dtype(device.type)
    if isinstance(rnn, nn.GRU):
        return _run_gru if runs_on(device, rnn.hidden_size, dtype) else None
    return _run_lstm if device.type == "cpu" else None


def _mostly_padding(lengths: Tensor) -> bool:
    return int(lengths.max()) * len(lengths) > LARGEST_PADDING * int(lengths.sum())


def _run_gru(rnn: nn.RNNBase, layer: int, feat: Tensor, table: Table) -> Tensor:
    weight, bias = (torch.cat(_parameters(rnn, layer, name)) for name in ("weight_ih", "bias_ih"))
    directions = 1 + rnn.bidirectional
    inputs = F.linear(feat, weight, bias).unflatten(1, (directions, -1))
    # Autocast's type, which F.linear has already brought the inputs to.
    weight, bias = (
        torch.stack(_parameters(rnn, layer, name)).to(inputs) for name in ("weight_hh", "bias_hh")
    )
    return GRUScan.apply(inputs, table.rows[:directions], weight, bias).flatten(1)


def _run_lstm(rnn: nn.RNNBase, layer: int, feat: Tensor, table: Table) -> Tensor:
    # Projected before they are laid out in the table: padding takes part in no product.
    projected = [
        F.linear(feat, weight, bias)[rows]
        for weight, bias, rows in zip(
            _parameters(rnn, layer, "weight_ih"),
            _parameters(rnn, layer, "bias_ih"),
            table.rows,
            strict=False,
        )
    ]
    weight, bias = (torch.stack(_parameters(rnn, layer, name)) for name in ("weight_hh", "bias_hh"))
    states = LSTMScan.apply(torch.stack(projected, dim=1), weight, bias)
    pairs = zip(states.unbind(1), table.places, strict=False)
    return torch.cat([own.flatten(0, 1)[places] for own, places in pairs], dim=1)


def _parameters(rnn: nn.RNNBase, layer: int, name: str) -> list[Tensor]:
    """Return a parameter of each direction of a layer."""
    suffixes = [f"_l{layer}", f"_l{layer}_reverse"][: 1 + rnn.bidirectional]
    return [getattr(rnn, name + suffix) for suffix in suffixes]
