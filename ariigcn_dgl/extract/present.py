"""What is made of those utterances that have something to make it of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np


def where_present(
    encode: Callable[[list[Any]], Iterable[np.ndarray]], items: Sequence[Any]
) -> list[np.ndarray | None]:
    """Return a row of features of each item, all made at once; None of those that are None.

    Parameters
    ----------
    encode : callable
        Takes the items that are there, if there are any, and gives a row of each.
    items : sequence

    Examples
    --------
    >>> where_present(lambda texts: [np.ones(len(text)) for text in texts], ["a", None])
    [array([1.]), None]
    """
    there = [item for item in items if item is not None]
    rows = iter(encode(there) if there else ())
    return [None if item is None else next(rows) for item in items]


def filled(rows: Sequence[np.ndarray | None], width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return features, (N, width) float32, zeros where there is no row, and where there is one.

    Examples
    --------
    >>> features, mask = filled([np.ones(2), None], 2)
    >>> features.tolist(), mask.tolist()
    ([[1.0, 1.0], [0.0, 0.0]], [True, False])
    """
    mask = np.array([row is not None for row in rows])
    features = np.zeros((len(mask), width), np.float32)
    if mask.any():
        features[mask] = [row for row in rows if row is not None]
    return features, mask
