"""Recurrent layers of torch, run on the CPU with both directions in one loop over time."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ariigcn_dgl.graph import Sequences, Table
from ariigcn_dgl.nn._layout import run_aligned, run_packed
from ariigcn_dgl.ops import Impl

LARGEST_PADDING = 4  # times the utterances; with more, padding costs more than it saves


def run_recurrent(
    rnn: nn.RNNBase,
    scan: type[torch.autograd.Function],
    feat: Tensor,
    lengths: Tensor | Sequences,
    impl: Impl = "native",
) -> Tensor:
    """Return the states, (N, D'), of torch's recurrent layers over every sequence.

    torch runs them where it has a fused kernel. On the CPU it has none: there both directions take
    each time step together, in `scan`.

    Parameters
    ----------
    rnn : nn.GRU or nn.LSTM
        Holds the parameters.
    scan : GRUScan or LSTMScan
        The loop over time of `rnn`'s kind.
    feat : (N, D) tensor
        Rows of all sequences.
    lengths : (B,) int64 tensor or Sequences
        Of dialogues that lie one after the other, on the CPU; or what follows what.
    impl : {"native", "reference"}
        "reference": torch's layers on every device.
    """
    sequences = lengths if isinstance(lengths, Sequences) else Sequences(lengths)
    return sequences.scatter(_run(rnn, scan, sequences.gather(feat), sequences, impl))


def _run(
    rnn: nn.RNNBase,
    scan: type[torch.autograd.Function],
    feat: Tensor,
    sequences: Sequences,
    impl: Impl,
) -> Tensor:
    # Under autocast products are halves, which the loops' buffers are not.
    on_cpu = impl == "native" and feat.device.type == "cpu" and not torch.is_autocast_enabled("cpu")
    lengths = sequences.lengths
    if lengths is None and not on_cpu:  # a captured step: only the table's shape is known
        return run_aligned(rnn, feat, sequences.table)
    if lengths is not None and (not on_cpu or _mostly_padding(lengths)):
        return run_packed(rnn, feat, lengths)
    for layer in range(rnn.num_layers):
        if layer > 0:  # between the layers, as torch does
            feat = F.dropout(feat, rnn.dropout, rnn.training)
        feat = _run_layer(rnn, scan, layer, feat, sequences.table)
    return feat


def _mostly_padding(lengths: Tensor) -> bool:
    return int(lengths.max()) * len(lengths) > LARGEST_PADDING * int(lengths.sum())


def _run_layer(
    rnn: nn.RNNBase, scan: type[torch.autograd.Function], layer: int, feat: Tensor, table: Table
) -> Tensor:
    suffixes = [f"_l{layer}", f"_l{layer}_reverse"][: 1 + rnn.bidirectional]

    def parameters(name: str) -> list[Tensor]:
        return [getattr(rnn, name + suffix) for suffix in suffixes]

    # Projected before they are laid out in the table: padding takes part in no product.
    projected = [
        F.linear(feat, weight, bias)[rows]
        for weight, bias, rows in zip(
            parameters("weight_ih"), parameters("bias_ih"), table.rows, strict=False
        )
    ]
    weight, bias = (torch.stack(parameters(name)) for name in ("weight_hh", "bias_hh"))
    states = scan.apply(torch.stack(projected, dim=1), weight, bias)
    pairs = zip(states.unbind(1), table.places, strict=False)
    return torch.cat([own.flatten(0, 1)[places] for own, places in pairs], dim=1)
