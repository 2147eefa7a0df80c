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
