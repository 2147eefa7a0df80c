"""Which views of the text an import keeps (`ImportOptions.text_views`)."""

from __future__ import annotations

import numpy as np

from ariigcn_dgl.data.community.raw import RawSet
from ariigcn_dgl.data.views import in_words, split_views
from ariigcn_dgl.errors import InputError

Widths = tuple[int, ...]


def choose_views(
    raw: RawSet, text: np.ndarray, widths: Widths, wanted: str
) -> tuple[np.ndarray, Widths]:
    """Return the wanted views of a text, (N, sum of D_v), side by side, and their widths.

    Of a mean it takes all: `mean_view` makes it when missing rows are known.

    Raises
    ------
    InputError
        If the text has no such view.
    """
    count = len(widths)
    kept = _numbers(raw, wanted, count)
    if count > 1:
        how = {"all": "all side by side", "mean": "their mean is taken"}
        numbers = ", ".join(str(k + 1) for k in kept)
        raw.notes.append(
            f"the text has {count} views, {in_words(widths)} columns: "
            f"{how.get(wanted, f'taken: {numbers}')} (--text_views all, first, mean, or numbers "
            f"as 1,3)"
        )
    if kept == list(range(count)):
        return text, widths
    views = split_views(text, widths)
    return np.concatenate([views[k] for k in kept], axis=1), tuple(widths[k] for k in kept)


def _numbers(raw: RawSet, wanted: str, count: int) -> list[int]:
    """Return the places of the wanted views, from 0."""
    if wanted in ("all", "mean"):
        return list(range(count))
    if wanted == "first":
        return [0]
    numbers = [int(number) for number in wanted.split(",")]
    if max(numbers) > count:
        raise InputError(
            f"{raw.path}: --text_views: {max(numbers)} is no view of the text, which has {count}"
        )
    return [number - 1 for number in numbers]


def mean_view(raw: RawSet, text: np.ndarray, widths: Widths) -> tuple[np.ndarray, Widths]:
    """Return the mean of the views of a text, (N, D_v), and its width.

    Raises
    ------
    InputError
        If the views differ in width.
    """
    if len(set(widths)) > 1:
        raise InputError(
            f"{raw.path}: --text_views mean: the views of the text, {in_words(widths)}, differ in "
            f"width and have no mean; expected all, first, or numbers as 1,3"
        )
    return np.stack(split_views(text, widths)).mean(axis=0, dtype=np.float32), widths[:1]
