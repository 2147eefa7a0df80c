"""Mean and deviation of feature columns, over rows of which a few are in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ariigcn_dgl.data.mapped import Known, Stacked, blocks

_FLOAT32 = np.finfo(np.float32)
_ROUNDING = 4 * float(_FLOAT32.eps)  # what is left of a constant after a few operations

KNOWN_FIELDS = Known._fields[1:]  # but its rows


@dataclass(frozen=True)
class Columns:
    """What the columns of some rows are like; each array is (D,) float64.

    Parameters
    ----------
    count : int
        Number of rows; of none, the statistics are those of a row of zeros.
    mean, std : array
    largest : array
        Largest magnitude.
    """

    count: int
    mean: np.ndarray
    std: np.ndarray
    largest: np.ndarray

    @property
    def varied(self) -> np.ndarray:
        """Which columns, (D,) bool, vary by more than the rounding of float32.

        The measure is relative: features in volts or shares of power vary by 1e-7 and carry as
        much.
        """
        return self.std > np.maximum(_ROUNDING * self.largest, float(_FLOAT32.tiny))


def columns_of(
    array: np.ndarray | Stacked,
    rows: np.ndarray,
    change: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Columns:
    """Measure the columns of some rows, in float64.

    Rows are added one after another, so that the sums do not depend on how many are in memory;
    those of a `Stacked` piece by piece, of which some may have been measured before.

    Parameters
    ----------
    array : (N, D) float array
    rows : (N,) bool array
        Which count.
    change : callable, optional
        Of rows, (K, D): what is measured instead of them.

    Examples
    --------
    >>> rows = np.array([[1e-9, 1.0, 0.0], [2e-9, 1.0 + 1e-7, 0.0]])
    >>> found = columns_of(rows, np.ones(2, bool))
    >>> round(float(found.mean[1]), 8), found.varied.tolist()
    (1.00000005, [True, False, False])
    """
    if isinstance(array, Stacked):
        return joined(_by_piece(array, rows, change))
    count = int(rows.sum())
    if not count:
        zeros = np.zeros(array.shape[1])
        return Columns(0, zeros, zeros, zeros)

    def parts() -> Iterator[np.ndarray]:
        # In float64: sums of many float32 lose digits that small deviations are made of.
        for at, block in blocks(array, itemsize=8):
            here = rows[at]
            if here.any():
                part = block if here.all() else block[here]
                yield (part if change is None else change(part)).astype(np.float64)

    largest = np.zeros(array.shape[1])

    def as_they_are() -> Iterator[np.ndarray]:
        for part in parts():
            np.maximum(largest, np.abs(part).max(0), out=largest)
            yield part

    def squares() -> Iterator[np.ndarray]:
        for part in parts():
            part -= mean
            part *= part
            yield part

    mean = _sum(as_they_are()) / count
    return Columns(count, mean, np.sqrt(_sum(squares()) / count), largest)


def joined(parts: Sequence[Columns]) -> Columns:
    """Return what the columns of all rows are like, of what those of their parts are like.

    Examples
    --------
    >>> rows = np.array([[1.0], [2.0], [6.0]])
    >>> of = [columns_of(part, np.ones(len(part), bool)) for part in (rows[:2], rows[2:])]
    >>> found = joined(of)
    >>> found.count, found.mean.tolist(), round(float(found.std[0]), 6), found.largest.tolist()
    (3, [3.0], 2.160247, [6.0])
    """
    counts = np.array([[part.count] for part in parts])
    count = int(counts.sum())
    means = np.stack([part.mean for part in parts])
    mean = (counts * means).sum(0) / max(count, 1)
    squares = counts * (np.stack([part.std for part in parts]) ** 2 + (means - mean) ** 2)
    largest = np.stack([part.largest for part in parts]).max(0)
    return Columns(count, mean, np.sqrt(squares.sum(0) / max(count, 1)), largest)


def known_columns(parts: Sequence[Columns]) -> dict[str, np.ndarray]:
    """Return the fields of `Known` but its rows; of each piece's rows `parts` has what they are."""
    counts = np.array([part.count for part in parts], np.int64)
    of_columns = [np.stack([getattr(part, name) for part in parts]) for name in KNOWN_FIELDS[1:]]
    return dict(zip(KNOWN_FIELDS, [counts, *of_columns], strict=True))


def _by_piece(
    array: Stacked, rows: np.ndarray, change: Callable[[np.ndarray], np.ndarray] | None
) -> list[Columns]:
    known = array.known if change is None else None
    found = []
    for number, (first, end) in enumerate(pairwise(array.ptr.tolist())):
        here = rows[first:end]
        if known is not None and np.array_equal(here, known.rows[first:end]):
            found.append(
                Columns(
                    int(known.counts[number]),
                    known.mean[number],
                    known.std[number],
                    known.largest[number],
                )
            )
        elif here.any():
            found.append(columns_of(array.pieces[number].array(), here, change))
    zeros = np.zeros(array.shape[1])
    return found or [Columns(0, zeros, zeros, zeros)]


def _sum(parts: Iterator[np.ndarray]) -> np.ndarray:
    """Return the sum of the columns of one part or more, (D,); parts may be changed."""
    total = np.add.reduce(next(parts), axis=0)
    for part in parts:
        part[0] += total  # so that rows are added one after another, wherever a part begins
        total = np.add.reduce(part, axis=0)
    return total


def finite_rows(array: np.ndarray) -> np.ndarray:
    """Return which rows, (N,) bool, hold no NaN and no infinity."""
    return rowwise(array, lambda block: np.all(np.isfinite(block), axis=1))


def filled_rows(array: np.ndarray) -> np.ndarray:
    """Return which rows, (N,) bool, are not all zeros."""
    return rowwise(array, lambda block: np.any(block, axis=1))


def rowwise(array: np.ndarray, judge: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Return what a function says of each row, (N,) bool; it is given some rows at a time."""
    found = np.empty(len(array), bool)
    for rows, block in blocks(array):
        found[rows] = judge(block)
    return found
