"""From utterances in a row to the layouts that sequence layers read."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from ariigcn_dgl.graph import Table
from ariigcn_dgl.graph.window import check_lengths
from ariigcn_dgl.transfer import send, send_rows


def no_states(feat: Tensor, width: int) -> Tensor:
    """Return states, (0, D'), of no rows, with a gradient."""
    return feat @ feat.new_zeros(feat.size(1), width)


def time_major(lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows in packed order (first utterances of all dialogues, longest first, ...).

    And the number of dialogues that are still going on at each time step, as `PackedSequence`
    takes it.
    """
    longest_first = torch.argsort(lengths, descending=True, stable=True)
    starts = (lengths.cumsum(0) - lengths)[longest_first]
    turns = _steps(lengths)
    exists = turns[:, None] < lengths[longest_first]  # (T, B); dialogues end from the right on
    return (starts + turns[:, None])[exists], exists.sum(1)


def run_packed(rnn: nn.RNNBase, feat: Tensor, lengths: Tensor) -> Tensor:
    """Return the states, (N, D'), of torch's recurrent layer over every dialogue, unpadded."""
    order, batch_sizes = time_major(lengths)
    (order,) = send([order], feat.device)
    # Not pack_padded_sequence, which would make the padded table first.
    states = rnn(PackedSequence(feat[order], batch_sizes))[0].data
    return torch.empty_like(states).index_copy(0, order, states)


def run_aligned(rnn: nn.RNNBase, feat: Tensor, table: Table) -> Tensor:
    """Return the states, (N, D'), of torch's recurrent layer, in one call of a fixed shape.

    Each sequence stands in the table twice, at the beginning and at the end of time, so that
    neither direction meets padding before it has read the sequence: lengths do not decide anything.

    Raises
    ------
    ValueError
        For several layers in both directions, of which the second would read padding first.
    """
    if rnn.bidirectional and rnn.num_layers > 1:
        raise ValueError(
            "sequences of fixed shape can be read in both directions by one layer only"
        )
    # Any row would do behind the end; the gradient of one that is read often is slow to add up.
    any_row = torch.arange(table.rows[0].numel(), device=feat.device) % len(feat)
    rows = torch.where(table.rows < 0, any_row.view_as(table.rows[0]), table.rows)
    if not rnn.bidirectional:
        return rnn(feat[rows[0]])[0].flatten(0, 1)[table.places[0]]
    # One call for both: each copy's other direction is computed too, and not read.
    forwards, backwards = feat[rows[0]], feat[rows[1].flip(0)]
    states = rnn(torch.cat([forwards, backwards], 1))[0].chunk(2, 1)
    read = states[0].chunk(2, -1)[0], states[1].chunk(2, -1)[1].flip(0)
    pairs = zip(read, table.places, strict=True)
    return torch.cat([own.flatten(0, 1)[places] for own, places in pairs], 1)


def padded(feat: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Return dialogues side by side, (B, T, D), and where utterances stand, (B, T).

    ``table[places(lengths, device)]`` are the rows of `feat` again.

    Raises
    ------
    ValueError
        If the lengths do not add up to N.
    """
    if not torch.compiler.is_compiling():
        check_lengths(lengths, "feat", len(feat))
    exists = _exists(lengths)
    places = send_rows(exists.flatten(), feat.device)
    # not pad_sequence, whose gradient copies the whole table for every dialogue
    table = feat.new_zeros(exists.numel(), *feat.shape[1:]).index_copy(0, places, feat)
    return table.view(*exists.shape, *feat.shape[1:]), send([exists], feat.device)[0]


def places(lengths: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return dialogue and time step of each utterance, (N,) and (N,): its place in `padded`.

    Indexing by them is indexing by where utterances stand, but nobody waits for the device.
    """
    dialogue, step = send(_exists(lengths).nonzero(as_tuple=True), device)
    return dialogue, step


def _exists(lengths: Tensor) -> Tensor:
    return _steps(lengths) < lengths.unsqueeze(1)


def _steps(lengths: Tensor) -> Tensor:
    """Return the time steps of the longest dialogue, (T,)."""
    return torch.arange(int(lengths.max()) if len(lengths) else 0, device=lengths.device)


def backwards(lengths: Tensor) -> Tensor:
    """Return the rows with every dialogue read from its end; applied twice, it changes nothing."""
    ends = lengths.cumsum(0)
    first_plus_last = (2 * ends - lengths - 1).repeat_interleave(lengths)
    return first_plus_last - torch.arange(len(first_plus_last), device=ends.device)
