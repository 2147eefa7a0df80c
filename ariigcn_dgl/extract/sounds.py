"""What was heard of utterances, encoded whenever much of it waits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

MOST_BYTES = 1 << 28  # over an hour of sound, and enough for batches of equal length


class Sounds:
    """Features of utterances whose sound comes in, recording by recording.

    Parameters
    ----------
    encoder : object
        With `encode`, of what its `prepare` made of sound; None: all that comes is kept as it is.
    count : int
        Number of utterances.
    most_bytes : int
        How much may wait.

    Attributes
    ----------
    rows : list
        Of each utterance its features, (D,), or what was kept; None where nothing was heard.
    """

    def __init__(self, encoder: Any | None, count: int, most_bytes: int = MOST_BYTES) -> None:
        self.encoder, self.most_bytes = encoder, most_bytes
        self.rows: list[Any] = [None] * count
        self._waiting: list[int] = []
        self._bytes = 0

    def add(self, rows: Sequence[int], heard: Sequence[Any]) -> None:
        """Take what was heard of some utterances; None where nothing was."""
        for n, one in zip(rows, heard, strict=True):
            self.rows[n] = one
            if one is not None and self.encoder is not None:
                self._waiting.append(n)
                self._bytes += getattr(one, "nbytes", 0)
        if self._bytes > self.most_bytes:
            self.finish()

    def finish(self) -> None:
        """Encode what waits."""
        if self._waiting and self.encoder is not None:
            features = np.asarray(self.encoder.encode([self.rows[n] for n in self._waiting]))
            for n, row in zip(self._waiting, features, strict=True):
                self.rows[n] = row
        self._waiting, self._bytes = [], 0
