"""What a score might be on other dialogues like these: sets of them drawn with replacement."""

from __future__ import annotations

import numpy as np

LEVEL = 0.95  # of intervals


def drawn_dialogues(count: int, sets: int) -> np.ndarray:
    """Return how often each dialogue is in each set, (sets, count); the same ones every time.

    Examples
    --------
    >>> drawn_dialogues(3, 2).sum(1)
    array([3, 3])
    """
    return np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), sets)


def interval(scores: np.ndarray) -> np.ndarray:
    """Return the bounds, (2, ...), of the 95 % interval of scores, (sets, ...): percentiles.

    Examples
    --------
    >>> interval(np.arange(201.0)).round(6).tolist()
    [5.0, 195.0]
    """
    return np.quantile(scores, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)


def of_groups(number: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the sums of rows, (N, ...), by their group's number, (groups, ...).

    Examples
    --------
    >>> of_groups(np.array([1, 0, 1]), np.array([[1.0], [2.0], [3.0]])).tolist()
    [[2.0], [4.0]]
    """
    sums = np.zeros((number.max() + 1, *rows.shape[1:]))
    np.add.at(sums, number, rows)
    return sums
