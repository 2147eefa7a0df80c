"""Sequences of rows per utterance, such as word vectors: the rule, in one place.

A modality is one vector per utterance, or a sequence of rows of any length: words, frames. Of a
sequence `Dialogues.sequences` has the rows, and `Dialogues.features` their mean: whatever wants
vectors takes that, and knows nothing of sequences; a system over words reads the rows
(`ariigcn_dgl.batch.Batch.steps`). An utterance that lacks the modality has no row, any other at
least one. Modalities are aligned where their rows belong to the same words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ariigcn_dgl.data.mapped import take
from ariigcn_dgl.data.names import spans
from ariigcn_dgl.errors import InputError

if TYPE_CHECKING:
    from ariigcn_dgl.data.dialogues import Dialogues


@dataclass(frozen=True)
class Ragged:
    """Rows of utterances, one after the other.

    Parameters
    ----------
    rows : (P, D) float32 array
        Of all utterances.
    ptr : (N + 1,) int64 array
        Rows of utterance n are ``ptr[n]:ptr[n + 1]``.

    Examples
    --------
    >>> said = Ragged.of([np.ones((2, 3)), np.zeros((0, 3)), np.full((1, 3), 5.0)])
    >>> said.lengths.tolist(), said.mean().tolist()
    ([2, 0, 1], [[1.0, 1.0, 1.0], [0.0, 0.0, 0.0], [5.0, 5.0, 5.0]])
    """

    rows: np.ndarray
    ptr: np.ndarray

    @classmethod
    def of(cls, parts: Sequence[np.ndarray]) -> Ragged:
        """Return the sequences of one (L_n, D) array per utterance."""
        ptr = np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)
        return cls(np.concatenate(parts).astype(np.float32), ptr)

    @property
    def lengths(self) -> np.ndarray:
        """Number of rows of each utterance, (N,) int64."""
        return np.diff(self.ptr)

    @property
    def owners(self) -> np.ndarray:
        """The utterance of each row, (P,) int64."""
        return np.repeat(np.arange(len(self.ptr) - 1), self.lengths)

    def mean(self) -> np.ndarray:
        """Return the mean row of each utterance, (N, D) float32; zeros where it has none."""
        sums = np.zeros((len(self.ptr) - 1, self.rows.shape[1]))
        filled = self.lengths > 0
        if filled.any():
            sums[filled] = np.add.reduceat(self.rows, self.ptr[:-1][filled], dtype=np.float64)
        return (sums / np.maximum(self.lengths, 1)[:, None]).astype(np.float32)

    def select(self, utterances: np.ndarray) -> Ragged:
        """Return the sequences of the chosen utterances, in the given order."""
        lengths = self.lengths[utterances]
        ptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return Ragged(take(self.rows, spans(self.ptr[utterances], lengths)), ptr)

    def where(self, kept: np.ndarray) -> Ragged:
        """Return the sequences with no row in utterances that are not kept, (N,) bool."""
        lengths = np.where(kept, self.lengths, 0)
        ptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return Ragged(self.rows[kept[self.owners]], ptr)


def undivided(ptr: np.ndarray, rows: int) -> str:
    """Return what is wrong with pointers that should divide so many rows, in words; or "".

    Examples
    --------
    >>> undivided(np.array([0, 2, 2, 5]), 5), undivided(np.array([0, 2]), 5)
    ('', 'runs from 0 to 2, expected from 0 upwards to 5, the number of rows')
    """
    if len(ptr) and ptr[0] == 0 and ptr[-1] == rows and (np.diff(ptr) >= 0).all():
        return ""
    ends = f"runs from {ptr[0]} to {ptr[-1]}" if len(ptr) else "is empty"
    return f"{ends}, expected from 0 upwards to {rows}, the number of rows"


def check_aligned(dialogues: Dialogues, modalities: Sequence[str], source: str) -> None:
    """Raise where an utterance has sequences of different lengths in two modalities.

    Modalities that an utterance lacks, and those of one vector per utterance, are not asked.

    Raises
    ------
    InputError
        Names the utterance, both modalities and both lengths.
    """
    found = misaligned(dialogues, modalities)
    if found:
        raise InputError(
            f"{source}: {found}, expected modalities that are aligned: one row of each for every "
            "word"
        )


def misaligned(dialogues: Dialogues, modalities: Sequence[str]) -> str:
    """Return the first utterance of which two sequences differ in length, in words; or ""."""
    names = [m for m in modalities if m in dialogues.sequences]
    if len(names) < 2:
        return ""
    lengths = np.stack([dialogues.sequences[m].lengths for m in names])  # (M, N)
    longest = lengths.max(0)
    present = np.where(lengths > 0, lengths, longest)
    wrong = np.flatnonzero(present.min(0) < longest)
    if not wrong.size:
        return ""
    n = int(wrong[0])
    short, long = int(present[:, n].argmin()), int(present[:, n].argmax())
    return (
        f"utterance {dialogues.utterance_ids[n]!r} has {present[short, n]} rows of {names[short]} "
        f"for {present[long, n]} of {names[long]}"
    )
