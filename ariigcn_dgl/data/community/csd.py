"""Folders of the CMU-Multimodal SDK: computational sequences in .csd files, which are HDF5.

A sequence is rows of numbers or words by video, each with its interval of time. Those of the labels
are the clips; a row of another sequence is of the clip that its midpoint lies in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ariigcn_dgl.data.arrays import numpy_errors
from ariigcn_dgl.data.community.columns import Columns
from ariigcn_dgl.data.community.hdf5 import File
from ariigcn_dgl.data.community.mmsa import checked_intensities, class_names, labels_of
from ariigcn_dgl.data.community.raw import ImportOptions, RawDialogue, RawSet
from ariigcn_dgl.data.dialogues import MODALITIES
from ariigcn_dgl.data.missing import absent
from ariigcn_dgl.data.ragged import Ragged
from ariigcn_dgl.errors import InputError

LABELS, WORDS = "labels", "words"
_DATA, _INTERVALS, _FEATURES = "data", "intervals", "features"
# Columns of labels: sentiment alone (MOSI), or before six emotions (MOSEI).
_LABEL_WIDTHS = (1, 7)
# Columns of GloVe, COVAREP, Facet and OpenFace 2, and words in names where columns do not say.
_WIDTHS = {300: "text", 74: "audio", 35: "visual", 47: "visual", 713: "visual"}
_NAMES = (
    ("text", ("vector", "glove", "bert")),
    ("audio", ("covarep", "opensmile", "audio", "acoustic")),
    ("visual", ("facet", "openface", "visual", "vision")),
)
_PAUSE = "sp"  # stands where nothing is said
_CLOSE = 1e-4  # seconds: intervals of words and of their vectors are the same to rounding


class _Rows(NamedTuple):
    """Rows of a video, (P, D), by the midpoints, (P,), of their intervals, (P, 2)."""

    rows: np.ndarray
    intervals: np.ndarray

    @property
    def midpoints(self) -> np.ndarray:
        return self.intervals.mean(axis=1)


@dataclass
class _Computational:
    """A computational sequence: one file."""

    file: File
    name: str
    columns: Columns
    width: int = 0
    is_text: bool = False
    left_out: int = 0
    seen: int = 0
    entries: Any = field(init=False)

    def __post_init__(self) -> None:
        self.entries = self.file.group(self.file.group(self.file.root, self.name), _DATA)
        first = next(iter(self.videos()), None)
        if first is None:
            raise InputError(f"{self.file.path}: {self.name}: {_DATA} is empty, expected videos")
        array = self.file.array(self.file.group(self.entries, first), _FEATURES, "fiuS")
        self.width = array.shape[1] if array.ndim == 2 else 1
        self.is_text = array.dtype.kind == "S"

    def videos(self) -> Iterator[str]:
        return iter(self.entries)

    def read(self, video: str) -> _Rows | None:
        """Return the rows of a video in the order of their midpoints; None if there are none."""
        if not self.file.has(self.entries, video):
            return None
        entry = self.file.group(self.entries, video)
        intervals = self.file.read(entry, _INTERVALS, "fiu", self.columns)
        rows = self.file.read(entry, _FEATURES, "S" if self.is_text else "fiu", self.columns)
        where = f"{self.file.path}: {video[:60]!r}"
        if intervals.ndim != 2 or intervals.shape[1] != 2 or not np.isfinite(intervals).all():
            raise InputError(
                f"{where}: {_INTERVALS} has the shape {intervals.shape}, expected (rows, 2): the "
                "seconds at which each begins and ends, all finite"
            )
        rows = rows[:, None] if rows.ndim == 1 else rows
        if rows.shape != (len(intervals), self.width):
            raise InputError(
                f"{where}: {_FEATURES} has the shape {rows.shape}, expected "
                f"{(len(intervals), self.width)}: a row for each of the {_INTERVALS}, as wide as "
                "in the other videos"
            )
        if not self.is_text:
            with np.errstate(over="ignore"):  # too large for float32 becomes inf
                rows = rows.astype(np.float32)
        intervals = intervals.astype(np.float64)
        order = np.argsort(intervals.mean(axis=1), kind="stable")
        return _Rows(rows[order], intervals[order])

    def finite(self, found: _Rows) -> _Rows:
        """Return the rows without NaN or inf, such as COVAREP has where there is no sound."""
        kept = np.isfinite(found.rows).all(axis=1)
        self.seen += len(kept)
        self.left_out += int((~kept).sum())
        return _Rows(found.rows[kept], found.intervals[kept])


def csd_files(path: Path) -> list[Path]:
    """Return the files of a folder that are HDF5, whatever they are called."""
    return [file for file in sorted(path.iterdir()) if file.is_file() and File.is_hdf5(file)]


def read_csd(path: Path, files: Sequence[Path], options: ImportOptions) -> RawSet:
    """Return the videos of a folder of computational sequences.

    Raises
    ------
    InputError
        If h5py is missing, a file is no computational sequence or damaged, labels are missing, or
        rows and intervals do not fit each other.
    """
    names = class_names(options.labels)
    raw = RawSet(path, "computational sequences of the CMU-Multimodal SDK", {}, {}, names)
    raw.sentiment = options.labels == "sentiment"
    with numpy_errors(str(path)), ExitStack() as stack:
        parts = _sorted_out(raw, [_open(stack, file) for file in files], options)
        labels = parts.pop(LABELS, None)
        if labels is None or not set(parts) & set(MODALITIES):
            lacking = "features" if labels else "labels"
            raise InputError(
                f"{path}: .csd files of the CMU-Multimodal SDK without {lacking}; expected labels "
                "(one column, or seven, from -3 to 3), whose intervals are the clips, beside "
                "features"
            )
        for video in labels.videos():
            _add(raw, video, labels, parts)
    for modality, part in parts.items():
        if part.left_out:
            raw.notes.append(
                f"{modality}: {part.left_out} of {part.seen} rows have NaN or inf: left out of "
                "their clips"
            )
    raw.notes.append(
        "a video is one dialogue, a labelled interval one clip; rows are of the clip that their "
        "midpoint lies in: words a row each, audio and visual features their mean"
    )
    if WORDS in parts and "text" not in parts:
        raw.notes.append("words, but no vectors of them: the words are kept, there is no text")
    if options.labels != "score":
        raw.notes.append("labels are classes of intensities; --labels score keeps the numbers")
    return raw


def _open(stack: ExitStack, path: Path) -> _Computational:
    file = stack.enter_context(File(path))
    with numpy_errors(str(path)):
        found = [name for name in file.root if file.has(file.group(file.root, name), _DATA)]
        if len(found) != 1:
            raise InputError(
                f"{path}: {len(found)} computational sequences, expected one: a group that holds "
                f"a group {_DATA}, as the CMU-Multimodal SDK writes .csd files"
            )
        return _Computational(file, found[0], Columns(str(path), path.stat().st_size))


def _sorted_out(
    raw: RawSet, found: list[_Computational], options: ImportOptions
) -> dict[str, _Computational]:
    """Return which sequence is what; those that an option passes over are noted."""
    stems = {part.file.path.stem: part for part in found}
    chosen = {m: name for m in MODALITIES if (name := getattr(options, m))}
    for modality, name in chosen.items():
        if name not in stems or stems[name].is_text:
            raise InputError(
                f"{raw.path}: --{modality}: {name[:60]!r} is no file of features here; there are "
                f"{', '.join(stems)}"
            )
    parts = {modality: stems[name] for modality, name in chosen.items()}
    for stem, part in stems.items():
        if stem in chosen.values():
            continue
        role = _role(part)
        if role is None or role in chosen:
            raw.notes.append(f"{part.file.path.name} is left out: {_why(part, role)}")
            continue
        if role in parts:
            raise InputError(
                f"{part.file.path}: {role}, but {parts[role].file.path.name} has them already; "
                + (f"choose with --{role} {stem}" if role in MODALITIES else "remove one")
            )
        parts[role] = part
    return parts


def _role(part: _Computational) -> str | None:
    """Return what a sequence is: by its rows first, else by what it is called inside and out."""
    called = f"{part.name} {part.file.path.stem}".lower()
    if part.is_text:
        return None if "phone" in called else WORDS
    if part.width in _WIDTHS:
        return _WIDTHS[part.width]
    for modality, words in _NAMES:
        if any(word in called for word in words):
            return modality
    return LABELS if part.width in _LABEL_WIDTHS else None


def _why(part: _Computational, role: str | None) -> str:
    if role is not None:
        return f"--{role} names another"
    if part.is_text:
        return "phonemes"
    return f"nothing says which modality its {part.width} columns are (--text, --audio, --visual)"


def _add(raw: RawSet, video: str, labels: _Computational, parts: dict[str, _Computational]) -> None:
    """Add the clips of a video as a dialogue."""
    path = labels.file.path
    clips = _read(labels, video)
    if clips is None or not len(clips.rows):
        return
    wrong = np.flatnonzero(clips.intervals[:, 1] <= clips.intervals[:, 0])
    if wrong.size:
        begin, end = clips.intervals[wrong[0]]
        raise InputError(
            f"{path}: {video[:60]!r}: a clip from {begin:g} to {end:g} seconds, expected its end "
            "after its beginning"
        )
    found = checked_intensities(clips.rows[:, 0].astype(np.float64), f"{path}: {video[:60]!r}")
    spoken = _read(parts[WORDS], video) if WORDS in parts else None
    features, sequences = {}, {}
    for modality in MODALITIES:
        if modality not in parts:
            continue
        part = parts[modality]
        rows = _read(part, video)
        if rows is None:
            features[modality] = absent(len(clips.rows), part.width)[0]
            continue
        if modality == "text" and spoken is not None:
            rows = _without_pauses(rows, spoken)
        within = Ragged.of(_within(part.finite(rows), clips, part.columns))
        features[modality] = within.mean()
        if modality == "text":
            sequences[modality] = within
    raw.dialogues[video] = RawDialogue(
        features,
        labels_of(found, raw.label_names or ()),
        utterance_ids=[f"{video}[{n}]" for n in range(len(found))],
        words=None if spoken is None else _words(spoken, clips, parts[WORDS].columns),
        sequences=sequences,
    )


def _read(part: _Computational, video: str) -> _Rows | None:
    with numpy_errors(f"{part.file.path}: {video[:60]!r}"):
        return part.read(video)


def _words(spoken: _Rows, clips: _Rows, columns: Columns) -> list[str]:
    """Return what is said in each clip."""
    within = _within(spoken, clips, columns)
    return [" ".join(_text(row[0]) for row in rows if not _is_pause(row)) for rows in within]


def _without_pauses(rows: _Rows, spoken: _Rows) -> _Rows:
    """Return vectors without those of pauses, where the words are of the same intervals."""
    if spoken.intervals.shape != rows.intervals.shape or not np.allclose(
        spoken.intervals, rows.intervals, rtol=0, atol=_CLOSE
    ):
        return rows
    kept = np.array([not _is_pause(row) for row in spoken.rows], np.bool_)
    return _Rows(rows.rows[kept], rows.intervals[kept])


def _is_pause(row: np.ndarray) -> bool:
    return _text(row[0]) == _PAUSE


def _text(word: bytes) -> str:
    return word.decode("utf-8", "replace").strip()


def _within(found: _Rows, clips: _Rows, columns: Columns) -> list[np.ndarray]:
    """Return the rows of each clip; one that begins where the other ends has what begins there."""
    firsts, ends = np.searchsorted(found.midpoints, clips.intervals.T)
    # Clips that overlap share rows, so that few rows could become many.
    columns.afford(int((ends - firsts).sum()) * found.rows.itemsize * found.rows.shape[1])
    return [found.rows[first:end] for first, end in zip(firsts, ends, strict=True)]
