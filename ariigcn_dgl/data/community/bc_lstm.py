"""bc-LSTM's pickles of CMU-MOSI: padded arrays of training and test videos, a file per modality.

Each is ``(train_data, train_label, test_data, test_label, maxlen, train_length, test_length)``:
data (videos, maxlen, width), labels of two classes, (videos, maxlen) or one-hot, and the number of
utterances of each video. Nothing in it says which modality it is: the file's name does, or an
option.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ariigcn_dgl.data.community.columns import Columns, is_sequence, kind
from ariigcn_dgl.data.community.raw import ImportOptions, RawDialogue, RawSet
from ariigcn_dgl.data.dialogues import MODALITIES
from ariigcn_dgl.errors import InputError

LABEL_NAMES = ("negative", "positive")
_ITEMS = 7
_PLACES = {"train": (0, 1, 5), "test": (2, 3, 6)}  # of data, labels and lengths
_NAMES = {"text": ("text",), "audio": ("audio",), "visual": ("video", "visual")}


class _Part(NamedTuple):
    """The videos of a split: data (V, L, D), labels (V, L), utterances of each (V,)."""

    data: np.ndarray
    labels: np.ndarray
    lengths: np.ndarray


def is_bc_lstm(value: Any) -> bool:
    """Whether a value is two padded arrays with labels, their length, and those of the videos."""
    if not isinstance(value, (tuple, list)) or len(value) != _ITEMS:
        return False
    arrays = all(isinstance(value[place], np.ndarray) for place in range(4))
    return arrays and value[0].ndim == value[2].ndim == 3 and is_sequence(value[5])


def read_bc_lstm(path: Path, values: Mapping[Path, Any], options: ImportOptions) -> RawSet:
    """Return the videos of pickles of bc-LSTM, by file.

    Raises
    ------
    InputError
        If arrays of a file, or those of two files, do not fit each other, or the modality of a file
        is not known.
    """
    files = _by_modality(path, values, options)
    raw = RawSet(path, "padded arrays of bc-LSTM", {}, {})
    highest = 0.0
    for split in _PLACES:
        parts = {m: _part(file, values[file], split) for m, file in files.items()}
        (first, one), *others = parts.items()
        for modality, other in others:
            if not _same(one, other):
                raise InputError(
                    f"{files[modality]}: {split}: labels or lengths of videos are not those of "
                    f"{files[first].name}, expected files of the same utterances"
                )
        raw.listed[split] = []
        for video, length in enumerate(one.lengths.tolist()):
            if not length:
                continue
            key = f"{split}_{video}"
            raw.listed[split].append(key)
            features = {m: part.data[video, :length] for m, part in parts.items()}
            labels = one.labels[video, :length]
            highest = max(highest, float(np.nan_to_num(labels).max()))
            raw.dialogues[key] = RawDialogue(features, labels)
    raw.notes.append("the files name no videos: they are numbered, train_0, train_1, ...")
    if highest <= 1:
        raw.label_names, raw.sentiment = LABEL_NAMES, True
        raw.notes.append("class 0 is taken to be negative, 1 positive: the files do not say")
    return raw


def _by_modality(path: Path, values: Mapping[Path, Any], options: ImportOptions) -> dict[str, Path]:
    stems = {file.stem: file for file in values}
    found: dict[str, Path] = {}
    for modality in MODALITIES:
        chosen = getattr(options, modality)
        if chosen and chosen not in stems:
            raise InputError(
                f"{path}: --{modality}: {chosen[:60]!r} is no file here; there are "
                f"{', '.join(stems)}"
            )
        called = [f for s, f in stems.items() if any(n in s.lower() for n in _NAMES[modality])]
        files = [stems[chosen]] if chosen else called
        if len(files) > 1:
            raise InputError(
                f"{files[1]}: {modality}, but {files[0].name} has it already; choose with "
                f"--{modality} {files[1].stem}"
            )
        if files:
            found[modality] = files[0]
    if not found:
        raise InputError(
            f"{path}: arrays of bc-LSTM, but of which modality? expected text, audio or video in "
            f"the file's name, or --text, --audio, --visual with one of {', '.join(stems)}"
        )
    return found


def _part(file: Path, value: Any, split: str) -> _Part:
    if not is_bc_lstm(value):
        raise InputError(
            f"{file}: {kind(value)}, expected one of bc-LSTM as in the other files: train_data, "
            "train_label, test_data, test_label, maxlen, train_length, test_length"
        )
    data, labels, lengths = (value[place] for place in _PLACES[split])
    columns = Columns(str(file), file.stat().st_size)
    if data.dtype.kind not in "fiu":
        raise InputError(f"{file}: {split}_data: has the type {data.dtype}, expected numbers")
    counts = columns.numbers(lengths, f"{split}_length", split)
    if len(counts) != len(data):
        raise InputError(
            f"{file}: {split}_length: {len(counts)} lengths for {len(data)} videos, expected one "
            "for each"
        )
    wrong = np.flatnonzero(~np.isin(counts, np.arange(data.shape[1] + 1)))
    if wrong.size:
        raise InputError(
            f"{file}: {split}_length: video {wrong[0]} has {counts[wrong[0]]:g} utterances, "
            f"expected a whole number from 0 to {data.shape[1]}, to which videos are padded"
        )
    columns.afford(4 * data.size + 8 * labels.size)
    with np.errstate(over="ignore"):  # too large for float32 becomes inf, which is reported later
        rows = data.astype(np.float32)
    return _Part(rows, _labels(file, split, labels, data.shape[:2]), counts.astype(np.int64))


def _labels(file: Path, split: str, labels: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return class numbers, (V, L), of numbers or one-hot vectors."""
    if labels.dtype.kind not in "fiu" or labels.ndim not in (2, 3) or labels.shape[:2] != shape:
        raise InputError(
            f"{file}: {split}_label: {kind(labels)} of {labels.dtype}, expected a class for each "
            f"of {shape} utterances"
        )
    if labels.ndim == 2:
        return labels.astype(np.float64)
    if labels.shape[2] == 1:
        return labels[:, :, 0].astype(np.float64)
    hot = (labels == 1).sum(axis=2) == 1
    only = hot & ((labels != 0).sum(axis=2) == 1)
    return np.where(only, (labels == 1).argmax(axis=2), np.nan)  # padding has none


def _same(one: _Part, other: _Part) -> bool:
    if not np.array_equal(one.lengths, other.lengths):
        return False
    longest = int(one.lengths.max(initial=0))
    inside = np.arange(longest) < one.lengths[:, None]
    labels, others = (part.labels[:, :longest][inside] for part in (one, other))
    return np.array_equal(labels, others, equal_nan=True)
