"""The sentences of a batch: their words side by side, their states, those before each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ariigcn_dgl.batch import Batch
from ariigcn_dgl.data.missing import zero_missing
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.models.system import known_lengths
from ariigcn_dgl.transfer import send


class Sentences(NamedTuple):
    """All sentences of a batch, before one of them is decided on.

    ``words`` and ``exists`` are (N, L, D_m) and (N, L), ``states`` (N, W_m) by modality; ``before``
    (N, K) has the rows of the sentences before each, the nearest last, and -1 where there is none.
    """

    words: dict[str, Tensor]
    exists: dict[str, Tensor]
    states: dict[str, Tensor]
    before: Tensor


def aligned(
    batch: Batch, modalities: Sequence[str], longest: int
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return the words of each modality, (N, L, D_m), and where they stand, (N, L).

    Raises
    ------
    InputError
        If an utterance has sequences of different lengths.
    """
    lengths = {m: batch.sequences[m].lengths for m in modalities if m in batch.sequences}
    several = [x.where(x > 0, torch.stack([*lengths.values()]).amax(0)) for x in lengths.values()]
    if any(not x.equal(several[0]) for x in several):
        raise InputError(
            "--system c-mfn: the sequences of an utterance have different lengths in "
            f"{' and '.join(lengths)}, expected modalities that are aligned"
        )
    steps = {m: batch.steps(m, longest) for m in modalities}
    size = max(table.size(1) for table, _ in steps.values())
    words = {m: _stretched(table, size, m in lengths) for m, (table, _) in steps.items()}
    exists = {m: _stretched(e.unsqueeze(2), size, m in lengths) for m, (_, e) in steps.items()}
    exists = {m: e.squeeze(2) for m, e in exists.items()}
    if lengths:  # a vector stands beside every word there is, or alone where there is none
        read = torch.stack([exists[m] for m in lengths]).any(0)
        read = torch.cat([read[:, :1] | ~read.any(1, keepdim=True), read[:, 1:]], 1)
        exists = {m: e if m in lengths else e & read for m, e in exists.items()}
    return words, exists


def _stretched(table: Tensor, size: int, sequence: bool) -> Tensor:
    """Return a table of L rows, (N, L, D): a sequence padded, a vector repeated."""
    if sequence:
        return nn.functional.pad(table, (0, 0, 0, size - table.size(1)))
    return table.expand(-1, size, -1)


def last_state(lstm: nn.Module, words: Tensor, exists: Tensor) -> Tensor:
    """Return the state after the last word of each sentence, (N, H); zeros of one without any."""
    states, _ = lstm(words)  # what is padded comes after the last word, and changes nothing before
    count = exists.sum(1)
    last = states[torch.arange(len(states), device=states.device), (count - 1).clamp(min=0)]
    return zero_missing(last, count > 0)


def sentences_before(batch: Batch, most: int) -> Tensor:
    """Return the rows of the sentences before each utterance, (N, K), -1 where there is none."""
    lengths = known_lengths(batch)
    first = (lengths.cumsum(0) - lengths).repeat_interleave(lengths)
    back = torch.arange(most, 0, -1, device=first.device)
    rows = torch.arange(len(first), device=first.device).unsqueeze(1) - back
    return send([rows.where(rows >= first.unsqueeze(1), -1)], batch.labels.device)[0]


def gathered(sentences: Sentences, rows: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    """Return the states of the sentences before some utterances, (B, K, W_m), and which exist."""
    before = sentences.before[rows]
    exists = before >= 0
    index = before.clamp(min=0)
    states = {m: x[index].masked_fill(~exists.unsqueeze(2), 0) for m, x in sentences.states.items()}
    return states, exists
