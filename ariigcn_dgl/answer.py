"""What every file and stream says of an utterance: its class, and all probabilities."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ariigcn_dgl.escape import spreadsheet

DIGITS = 6  # of a probability: float32 has no more, and lines stay readable


def answer(
    p: np.ndarray, label_names: Sequence[str], left_open: bool | None = None
) -> dict[str, Any]:
    """Return the answer to an utterance, as it stands in JSON.

    Parameters
    ----------
    p : (C,) array
        Its class probabilities.
    label_names : sequence of str, length C
    left_open : bool, optional
        Whether it gets no class; None where that was not asked for, and is not said.

    Examples
    --------
    >>> answer(np.array([0.25, 0.75]), ["joy", "anger"])
    {'prediction': 'anger', 'probabilities': {'joy': 0.25, 'anger': 0.75}}
    >>> answer(np.array([0.5, 0.5]), ["joy", "anger"], left_open=True)
    {'prediction': None, 'abstained': True, 'probabilities': {'joy': 0.5, 'anger': 0.5}}
    """
    said = {} if left_open is None else {"abstained": bool(left_open)}
    return {
        "prediction": None if left_open else label_names[int(p.argmax())],
        **said,
        "probabilities": {
            name: round(float(x), DIGITS) for name, x in zip(label_names, p, strict=True)
        },
    }


def table_rows(
    records: Iterable[Mapping[str, Any]], columns: Sequence[str], label_names: Sequence[str]
) -> Iterator[list[Any]]:
    """Yield the header and the rows of a table of answers, for a file that spreadsheets open.

    Parameters
    ----------
    records : iterable of mappings
        With what `answer` returned.
    columns : sequence of str
        Fields of the records; a column ``p_CLASS`` for each class follows.
    label_names : sequence of str

    Examples
    --------
    >>> record = {"speaker": "=Ann", **answer(np.array([1.0]), ["joy"])}
    >>> list(table_rows([record], ["speaker", "prediction"], ["joy"]))
    [['speaker', 'prediction', 'p_joy'], ["'=Ann", 'joy', 1.0]]
    """
    yield table_header(columns, label_names)
    for record in records:
        yield table_row(record, columns)


def table_header(columns: Sequence[str], label_names: Sequence[str]) -> list[str]:
    """Return the header of a table of answers; see `table_rows`."""
    return [*columns, *(f"p_{name}" for name in label_names)]


def table_row(record: Mapping[str, Any], columns: Sequence[str]) -> list[Any]:
    """Return the row of one answer; see `table_rows`."""
    return [*(spreadsheet(record[name]) for name in columns), *record["probabilities"].values()]
