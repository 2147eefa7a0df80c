"""Several views of one modality: the rule, in one place.

A view is one of several features of an utterance in the same modality: the four layers of RoBERTa
that the community's files hold, or the vectors of two encoders. The views of a modality stand side
by side in its one matrix, (N, sum of D_v), and `Dialogues.views` says how wide each of them is.
Whatever knows nothing of views works on that concatenation; what wants them apart, to normalise or
to average them, takes `split_views`. An utterance has all views of a modality or none: one mask,
(N,), is for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:  # this file serves both, and data is read without torch
    from torch import Tensor

Rows = TypeVar("Rows", np.ndarray, "Tensor")


def split_views(rows: Rows, widths: Sequence[int]) -> tuple[Rows, ...]:
    """Return the views, (..., N, D_v) each, of the rows of a modality; nothing is copied.

    Parameters
    ----------
    rows : (..., N, sum of D_v) array or tensor
        Of the utterances.
    widths : sequence of int
        Width D_v of each view.

    Examples
    --------
    >>> first, second = split_views(np.array([[1, 2, 3], [4, 5, 6]]), (2, 1))
    >>> first.tolist(), second.tolist()
    ([[1, 2], [4, 5]], [[3], [6]])
    """
    ends = accumulate(widths)
    return tuple(rows[..., end - width : end] for width, end in zip(widths, ends, strict=True))


def lacks_a_view(rows: np.ndarray, widths: Sequence[int]) -> np.ndarray:
    """Return which rows, (N,) bool, have some views but zeros in place of others.

    Examples
    --------
    >>> lacks_a_view(np.array([[1, 2, 3], [4, 5, 0], [0, 0, 0]]), (2, 1)).tolist()
    [False, True, False]
    """
    filled = np.sum([view.any(axis=1) for view in split_views(rows, widths)], axis=0)
    return (filled > 0) & (filled < len(widths))


def in_words(widths: Sequence[int]) -> str:
    """Return how many columns a modality has, and of which views.

    Examples
    --------
    >>> in_words((100,)), in_words((1024, 1024)), in_words((768, 100))
    ('100', '2048 (2 x 1024)', '868 (768 + 100)')
    """
    if len(widths) == 1:
        return str(widths[0])
    alike = len(set(widths)) == 1
    parts = f"{len(widths)} x {widths[0]}" if alike else " + ".join(map(str, widths))
    return f"{sum(widths)} ({parts})"
