"""Batches of what is nearly equally long: little padding, and equal work for each batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def by_length(lengths: Sequence[int], budget: int) -> list[np.ndarray]:
    """Return which rows go together, the longest first.

    Parameters
    ----------
    lengths : sequence of int
        Of N rows.
    budget : int
        Of a batch: rows times the length of its longest. A row that is longer goes alone.

    Returns
    -------
    list of int arrays
        Together each number below N once.

    Examples
    --------
    >>> [rows.tolist() for rows in by_length([2, 9, 2, 1], 4)]
    [[1], [0, 2], [3]]
    >>> by_length([], 4)
    []
    """
    order = np.argsort(-np.asarray(lengths, np.int64), kind="stable")
    out, start = [], 0
    while start < len(order):
        count = max(1, budget // max(1, lengths[order[start]]))
        out.append(order[start : start + count])
        start += count
    return out
