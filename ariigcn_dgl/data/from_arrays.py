"""Dialogues of arrays and tables in memory, held against the same rules as files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ariigcn_dgl.data.column_names import our_columns
from ariigcn_dgl.data.dialogues import Dialogues
from ariigcn_dgl.data.load import prepare
from ariigcn_dgl.data.plain import dialogues_of_table, found_labels, to_matrix
from ariigcn_dgl.data.plain_targets import score_labels
from ariigcn_dgl.data.ragged import Ragged
from ariigcn_dgl.data.table import (
    COLUMNS,
    Table,
    as_text,
    compose_names,
    refuse_repeats,
    understand,
)
from ariigcn_dgl.data.target_arrays import to_target
from ariigcn_dgl.data.targets import LABEL
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import composed, writable

if TYPE_CHECKING:
    import pandas as pd


def dialogues_from_arrays(
    dialogue: Sequence[Any] | np.ndarray,
    speaker: Sequence[Any] | np.ndarray,
    *,
    label: Sequence[Any] | np.ndarray | None = None,
    split: Sequence[Any] | np.ndarray | None = None,
    utterance: Sequence[Any] | np.ndarray | None = None,
    text: ArrayLike | None = None,
    audio: ArrayLike | None = None,
    visual: ArrayLike | None = None,
    label_names: Sequence[str] | None = None,
    views: Mapping[str, Sequence[int]] | None = None,
    targets: Mapping[str, ArrayLike] | None = None,
    name: str = "arrays",
) -> Dialogues:
    """Return dialogues of one entry, and one row of features, per utterance.

    They mean what the columns and files of a folder of one's own mean (`load_dialogues`), of which
    modalities of other names, and what was said, can be given by files only; what
    is not given is found in the same way: ids are ``<dialogue>_<turn>``, class names are sorted,
    labelled dialogues without splits are divided at random, with a fixed seed, into 80 % train,
    10 % val and 10 % test.

    Parameters
    ----------
    dialogue, speaker : sequence of str or int, length N
        In order of speaking, the rows of a dialogue together.
    label : sequence of str or float, length N, optional
        A class name, or a real number, which makes a regression of them; None, NaN or "" where it
        is unknown.
    split : sequence of str, length N, optional
        train, val or test, the same within a dialogue.
    utterance : sequence of str, length N, optional
        Different ids.
    text, audio, visual : (N, D_m) real numbers, or N sequences of (L_n, D_m), optional
        At least one of them. They are copied; a row that is all NaN, or a sequence without a row,
        says that the modality is missing.
    label_names : sequence of str, optional
        The classes in their order.
    views : mapping of str to sequence of int, optional
        Of a modality that has several views side by side: the width of each.
    targets : mapping of str to (N,) or (N, columns) numbers, optional
        What is to be predicted beside the classes, or, of the name "label", in their place
        (`ariigcn_dgl.data.target_arrays.to_target`).
    name : str
        What tables and messages call the set.

    Raises
    ------
    InputError
        If something does not agree: names the row, dialogue or utterance.

    Examples
    --------
    >>> talk = dialogues_from_arrays(["d1", "d1"], ["Ann", "Bob"], text=[[0.5, 1.0], [2.0, 0.0]])
    >>> talk.utterance_ids, talk.widths
    (('d1_0', 'd1_1'), {'text': 2})
    >>> words = [np.ones((4, 300)), np.ones((2, 300))]  # word vectors of each utterance
    >>> dialogues_from_arrays(["d1", "d1"], ["Ann", "Bob"], text=words).sequences["text"].lengths
    array([4, 2])
    >>> dialogues_from_arrays(["d1", "d1"], ["Ann", ""], text=np.ones((2, 3)))
    Traceback (most recent call last):
    ariigcn_dgl.errors.InputError: arrays: row 1: speaker is empty, expected a name
    """
    given = {
        "dialogue": dialogue,
        "utterance": utterance,
        "speaker": speaker,
        "label": label,
        "split": split,
    }
    columns = {column: values for column, values in given.items() if values is not None}
    matrices = {"text": text, "audio": audio, "visual": visual}
    return _dialogues(name, columns, matrices, label_names, views, targets)


def dialogues_from_pandas(
    frame: pd.DataFrame,
    *,
    text: ArrayLike | None = None,
    audio: ArrayLike | None = None,
    visual: ArrayLike | None = None,
    label_names: Sequence[str] | None = None,
    views: Mapping[str, Sequence[int]] | None = None,
    targets: Mapping[str, ArrayLike] | None = None,
    name: str = "frame",
) -> Dialogues:
    """Return dialogues of a table of utterances; `Dialogues.to_pandas` makes such a table.

    Parameters
    ----------
    frame : pandas.DataFrame, N rows
        Columns ``dialogue`` and ``speaker``; ``label``, ``split`` and ``utterance`` where they are
        known, and in ``text`` what was said; or MELD's. Others are ignored.
    text, audio, visual, label_names, views, targets, name
        As of `dialogues_from_arrays`; row n of features is the n-th row of the table, whatever its
        index says.

    Raises
    ------
    InputError
        As of `dialogues_from_arrays`.
    """
    # NaN, NaT and pandas.NA are one thing here.
    plain = frame.astype(object).where(frame.notna(), None)
    header = tuple(map(str, frame.columns))
    ours = our_columns(header)
    refuse_repeats(name, ours, COLUMNS)
    places = {column: ours.index(column) for column in COLUMNS if column in ours}
    columns = {column: plain.iloc[:, place].tolist() for column, place in places.items()}
    matrices = {"text": text, "audio": audio, "visual": visual}
    return _dialogues(name, columns, matrices, label_names, views, targets, header)


def _dialogues(
    name: str,
    columns: Mapping[str, Sequence[Any] | np.ndarray],
    matrices: Mapping[str, ArrayLike | None],
    label_names: Sequence[str] | None,
    views: Mapping[str, Sequence[int]] | None,
    targets: Mapping[str, ArrayLike] | None,
    header: tuple[str, ...] = (),
) -> Dialogues:
    name = writable(name)
    table = _table(name, columns, header or tuple(columns))
    features = {
        modality: _matrix(matrix, f"{name}: {modality}")
        for modality, matrix in matrices.items()
        if matrix is not None
    }
    if not features:
        raise InputError(f"{name}: no modality, expected text, audio or visual")
    widths = {modality: tuple(found) for modality, found in (views or {}).items()}
    others = {
        target: to_target(target, _numbers(values, f"{name}: {target}"), f"{name}: {target}")
        for target, values in (targets or {}).items()
    }
    score = score_labels(table) if label_names is None and LABEL not in others else None
    if score is not None:
        others = {LABEL: score, **others}
    names = found_labels(table) if label_names is None else tuple(map(composed, label_names))
    classes = () if score is not None else names
    found = dialogues_of_table(name, table, features, classes, widths, others)
    return prepare(found, name)


def _table(
    name: str, columns: Mapping[str, Sequence[Any] | np.ndarray], header: tuple[str, ...]
) -> Table:
    lengths = {column: len(values) for column, values in columns.items()}
    count = next(iter(lengths.values()), 0)
    for column, length in lengths.items():
        if length != count:
            raise InputError(
                f"{name}: {column}: {length} rows for {count} of {next(iter(lengths))}, expected "
                "one for each utterance"
            )
    if columns and not count:
        raise InputError(f"{name}: holds no utterance")
    cells = {
        column: [_cell(value, f"{name}: row {row}", column) for row, value in enumerate(values)]
        for column, values in columns.items()
    }
    understand(cells, header)
    compose_names(cells)
    table = Table(name, list(range(count)), cells, header, unit="row")
    table.require("dialogue", "speaker")
    return table


def _cell(value: Any, where: str, column: str) -> str:
    if isinstance(value, float | np.floating) and np.isnan(value):
        value = None
    return as_text(value.item() if isinstance(value, np.number) else value, where, column)


def _numbers(values: ArrayLike, where: str) -> np.ndarray:
    try:
        return np.array(_detached(values))
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: no array, expected numbers for each utterance") from error


def _detached(values: Any) -> Any:
    """Return a tensor of any kind as an array; anything else as it is."""
    if not hasattr(values, "detach"):
        return values
    tensor = values.detach().cpu()
    return (tensor.float() if tensor.is_floating_point() else tensor).numpy()


def _matrix(values: ArrayLike, where: str) -> np.ndarray | Ragged:
    try:
        array = np.array(_detached(values))  # a copy: missing rows are set to zeros
    except (TypeError, ValueError) as error:  # rows of different lengths
        parts = _parts(values)
        if parts is None:
            raise InputError(f"{where}: no matrix, expected one row for each utterance") from error
        return _ragged(parts, where)
    return _ragged(list(array), where) if array.ndim == 3 else to_matrix(array, where)


def _parts(values: Any) -> list[np.ndarray] | None:
    """Return one matrix for each utterance; None where they are something else."""
    try:
        parts = [np.array(_detached(part)) for part in values]
    except (TypeError, ValueError):
        return None
    return parts if parts and all(part.ndim == 2 for part in parts) else None


def _ragged(parts: list[np.ndarray], where: str) -> Ragged:
    widths = {part.shape[1] for part in parts}
    if len(widths) > 1:
        raise InputError(
            f"{where}: sequences of rows of {min(widths)} and of {max(widths)} numbers, expected "
            "one width"
        )
    return Ragged.of([to_matrix(part, f"{where}: {n}") for n, part in enumerate(parts)])
