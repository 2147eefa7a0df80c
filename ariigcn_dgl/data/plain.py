"""Read a user's own features: a table of utterances and one .npy file per modality."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ariigcn_dgl.data.arrays import read_npy, to_float32, to_ragged
from ariigcn_dgl.data.columns import rowwise
from ariigcn_dgl.data.dialogues import UNLABELLED, Dialogues, in_order, is_modality
from ariigcn_dgl.data.mapped import is_mapped
from ariigcn_dgl.data.names import names_of
from ariigcn_dgl.data.plain_targets import (
    columns_of,
    read_declared,
    score_labels,
    targets_of_table,
)
from ariigcn_dgl.data.ragged import Ragged
from ariigcn_dgl.data.split import in_any, random_splits
from ariigcn_dgl.data.table import COLUMNS, Table, compose_names, read_table
from ariigcn_dgl.data.targets import LABEL, Target
from ariigcn_dgl.data.words import words_of
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import composed, read_json, read_text, writable
from ariigcn_dgl.schema import conform

TABLES = ("utterances.csv", "utterances.jsonl")


def read_plain(path: str | Path) -> Dialogues:
    """Read a folder of a user's own features; unchecked, see `load_dialogues`.

    The folder holds

    ``utterances.csv`` or ``utterances.jsonl``
        One row per utterance, in order of speaking, the rows of a dialogue together. Columns
        ``dialogue`` and ``speaker``; ``label``, a class name or empty; ``utterance``, its id, by
        default ``<dialogue>_<turn>`` with turns from 0; ``split``: train, val or test, the same
        within a dialogue; ``text``, what was said, for people to read. Other columns are ignored.
    ``text.npy``, ``audio.npy``, ``visual.npy``
        Any of them, or others, of any name in lower case: (N, D) numbers, row n for the n-th
        utterance. A row that is all NaN says that the modality is missing for the utterance.
    ``text_ptr.npy`` ...
        Optional, where a modality is a sequence of rows per utterance, such as words: (N + 1,)
        whole numbers; rows of the n-th utterance are ``ptr[n]:ptr[n + 1]`` of ``text.npy``, (P, D).
        An utterance without a row lacks the modality.
    ``views.json``
        Optional, where a modality has several views side by side: the width of each, which add up
        to D, as in ``{"text": [1024, 1024]}``.
    ``labels.txt``
        Optional: the class names in order, one per line. Without it the names are sorted.
    ``targets.json``
        Optional: what is to be predicted beside the classes, or in their place, by name:
        ``{"vad": {"kind": "regression", "columns": ["v", "a", "d"], "range": [1, 5]}}``; kinds are
        "regression", "multilabel" and "classes" (`ariigcn_dgl.data.plain_targets`). A ``label``
        column of real numbers is a regression without it.

    Without a ``split`` column labelled dialogues are divided at random, with a fixed seed, into
    80 % train, 10 % val and 10 % test; dialogues without any label are test, and so are all if
    fewer than three are labelled.

    Parameters
    ----------
    path : str or Path
        The folder. Its name becomes the name of the set.

    Raises
    ------
    InputError
        If a file is missing or malformed.
    """
    path = Path(path)
    declared = read_declared(path)
    table = _find_table(path, columns_of(declared))
    targets = targets_of_table(table, declared)
    listed = (path / "labels.txt").exists()
    score = None if listed or LABEL in targets else score_labels(table)
    if score is not None:
        targets = {LABEL: score, **targets}
    return dialogues_of_table(
        writable(path.resolve().name),
        table,
        _read_features(path),
        () if LABEL in targets else _label_names(path, table),
        _read_views(path / "views.json"),
        targets,
    )


def dialogues_of_table(
    name: str,
    table: Table,
    features: Mapping[str, np.ndarray | Ragged],
    label_names: tuple[str, ...],
    views: dict[str, tuple[int, ...]],
    targets: dict[str, Target],
) -> Dialogues:
    """Return dialogues of a table and one float32 matrix, or sequences, per modality; unchecked.

    Rows of features that are all NaN are missing; they are set to zeros, if possible in place.
    Utterances without a row of a sequence lack the modality.
    """
    dialogue_ids, dialogue_ptr = table.dialogues()
    unlabelled = np.full(len(table.lines), UNLABELLED)
    labels = unlabelled if LABEL in targets else table.indices(LABEL, label_names)
    speaker_names = tuple(sorted(set(table.columns["speaker"])))
    sequences = {m: given for m, given in features.items() if isinstance(given, Ragged)}
    vectors, masks = dict[str, np.ndarray](), dict[str, np.ndarray]()
    for m, given in features.items():
        if isinstance(given, Ragged):
            vectors[m], masks[m] = given.mean(), given.lengths > 0
        else:
            vectors[m], masks[m] = _take_missing(given)
    known = np.logical_or.reduce([labels != UNLABELLED, *(t.known for t in targets.values())])
    splits, divided = _splits(table, known, dialogue_ptr)
    return Dialogues(
        name=name,
        features=vectors,
        masks=masks,
        labels=labels,
        speakers=table.indices("speaker", speaker_names),
        dialogue_ptr=dialogue_ptr,
        dialogue_ids=dialogue_ids,
        splits=splits,
        utterance_ids=_utterance_ids(table, dialogue_ptr),
        label_names=label_names,
        speaker_names=speaker_names,
        views=views,
        divided=divided,
        words=words_of(table),
        sequences=sequences,
        targets=targets,
    )


def _find_table(path: Path, columns: Sequence[str]) -> Table:
    found = [path / name for name in TABLES if (path / name).exists()]
    if len(found) != 1:
        raise InputError(
            f"{path}: found {len(found)} of {' and '.join(TABLES)}, expected one of them"
        )
    table = read_table(found[0], (*COLUMNS, *columns))
    if not table.lines:
        raise InputError(f"{table.path}: holds no utterance")
    table.require("dialogue", "speaker")
    compose_names(table.columns)
    return table


def _label_names(path: Path, table: Table) -> tuple[str, ...]:
    listed = path / "labels.txt"
    if listed.exists():
        # StringIO ends lines as text files do; str.splitlines would cut names at rarer signs.
        text = io.StringIO(composed(read_text(listed)), newline=None)
        lines = (line.strip() for line in text)
        return tuple(line for line in lines if line)
    return found_labels(table)


def found_labels(table: Table) -> tuple[str, ...]:
    """Return the class names that occur in a table, sorted."""
    return tuple(sorted(set(table.columns.get("label", [])) - {""}))


def _read_features(path: Path) -> dict[str, np.ndarray | Ragged]:
    found = {file.stem: file for file in sorted(path.glob("*.npy"))}
    pointers = {m: found.pop(f"{m}_ptr") for m in list(found) if f"{m}_ptr" in found}
    unknown = [name for name in found if not is_modality(name)]
    if unknown:
        raise InputError(
            f"{found[unknown[0]]}: {unknown[0]!r} is no name of a modality, expected text.npy, "
            "audio.npy, visual.npy or another one in lower case"
        )
    if not found:
        raise InputError(f"{path}: no modality, expected text.npy, audio.npy or visual.npy")
    return {m: _read_modality(found[m], pointers.get(m)) for m in in_order(found)}


def _read_modality(path: Path, pointers: Path | None) -> np.ndarray | Ragged:
    rows = to_matrix(read_npy(path), str(path))
    return rows if pointers is None else to_ragged(rows, read_npy(pointers), str(pointers))


def to_matrix(array: np.ndarray, where: str) -> np.ndarray:
    """Return the features of one modality as float32; InputError where they are no matrix."""
    array = to_float32(array, where)
    if array.ndim != 2:
        raise InputError(f"{where}: shape {array.shape}, expected 2-D: (utterances, width)")
    return array


def _read_views(path: Path) -> dict[str, tuple[int, ...]]:
    if not path.exists():
        return {}
    views = conform(read_json(path), dict[str, list[int]], str(path))
    return {modality: tuple(widths) for modality, widths in views.items()}


def _take_missing(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the array, with zeros in rows that are all NaN, and which rows are present.

    See `ariigcn_dgl.data.missing`; not by its `zero_missing`, which would copy all features.
    """
    missing = rowwise(array, lambda block: np.isnan(block).all(axis=1))
    if missing.any():
        array = np.array(array) if is_mapped(array) else array  # a file is not written to
        array[missing] = 0
    return array, ~missing


def _splits(
    table: Table, known: np.ndarray, dialogue_ptr: np.ndarray
) -> tuple[tuple[str, ...], str]:
    """Return the splits, and how they came about."""
    if "split" not in table.columns:
        return random_splits(in_any(known, dialogue_ptr))
    column = table.columns["split"]
    starts = np.repeat(dialogue_ptr[:-1], np.diff(dialogue_ptr))
    for row, start in enumerate(starts):
        if column[row] != column[start]:
            raise InputError(
                f"{table.where(row)} has split {column[row]!r} after {column[start]!r}, "
                f"expected one split for the whole dialogue"
            )
    return tuple(column[start] for start in dialogue_ptr[:-1]), ""


def _utterance_ids(table: Table, dialogue_ptr: np.ndarray) -> Sequence[str]:
    count = len(table.lines)
    if "utterance" in table.columns:
        return names_of(table.columns["utterance"], count)
    turns = np.arange(count) - np.repeat(dialogue_ptr[:-1], np.diff(dialogue_ptr))
    named = zip(table.columns["dialogue"], turns, strict=True)
    return names_of((f"{dialogue}_{turn}" for dialogue, turn in named), count)
