"""UR-FUNNY's folders: pickles of folds, words, word vectors, COVAREP, OpenFace and labels.

Which pickle is what is found out by its structure. A segment is a dialogue: context sentences, then
the punch line, the one utterance with a label; a modality is a row per word, aligned.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ariigcn_dgl.data.community.columns import Columns, ids, is_sequence, kind
from ariigcn_dgl.data.community.raw import RawDialogue, RawSet
from ariigcn_dgl.data.community.unpickle import unpickle
from ariigcn_dgl.data.missing import absent
from ariigcn_dgl.data.ragged import Ragged
from ariigcn_dgl.errors import InputError

LABEL_NAMES = ("not humorous", "humorous")
_FOLDS = {"train": "train", "dev": "val", "test": "test"}
# Columns that the two releases have, and what the files are called where the columns do not say.
_WIDTHS = {81: "audio", 75: "visual", 371: "visual"}
_NAMES = {"covarep": "audio", "openface": "visual"}
_PUNCHLINE, _CONTEXT = "punchline", "context"
_INDICES, _FEATURES = "embedding_indexes", "features"
_NEEDED = "data_folds, language_sdk (or word_embedding_indexes_sdk), word_embedding_list and " + (
    "humor_label_sdk"
)


_Part = tuple[Path, Any]  # a pickle, and what it holds


@dataclass
class _Parts:
    """The pickles of a folder."""

    folds: _Part | None = None
    words: _Part | None = None
    vectors: _Part | None = None
    labels: _Part | None = None
    features: dict[str, _Part] = field(default_factory=dict)


def pickles(path: Path) -> list[Path]:
    """Return the pickles of a folder."""
    return sorted(file for file in path.iterdir() if file.suffix in (".pkl", ".pickle", ".p"))


def read_ur_funny(path: Path, files: list[Path]) -> RawSet:
    """Return the segments of UR-FUNNY's pickles.

    Raises
    ------
    InputError
        If a pickle is of no known structure or one is missing, a segment has no punch line, two of
        them, or a word without a vector, or rows of two modalities are not one for each word.
    """
    parts = _sorted_out(path, files)
    if parts.folds is None or parts.words is None or parts.vectors is None or parts.labels is None:
        found = {
            "data_folds": parts.folds,
            "language_sdk": parts.words,
            "word_embedding_list": parts.vectors,
            "humor_label_sdk": parts.labels,
        }
        missing = ", ".join(name for name, part in found.items() if part is None)
        raise InputError(
            f"{path}: no known layout: pickles as of UR-FUNNY, but {missing} is missing; expected "
            f"{_NEEDED}, and covarep_features_sdk and openface_features_sdk where they are wanted"
        )
    size = sum(file.stat().st_size for file in files)
    table = Columns(str(parts.vectors[0]), size).features(parts.vectors[1], "vectors", "all words")
    release = "v1" if not _has_sentences(parts.words[1]) else "v2"
    raw = RawSet(path, f"pickles of UR-FUNNY, {release}", {}, {}, LABEL_NAMES)
    raw.listed = _lists(*parts.folds)
    reader = _Segments(parts.words, parts.labels, parts.features, table, size)
    for keys in raw.listed.values():
        for key in keys:
            raw.dialogues[key] = reader.segment(key)
    raw.notes.append("the punch line is the last utterance of a segment, and alone has a label")
    beyond = [key for key in reader.words[1] if key not in raw.dialogues]
    if beyond:
        raw.notes.append(
            f"{len(beyond)} segments of {parts.words[0].name} are in no list of "
            f"{parts.folds[0].name}: left out; the first is {beyond[0]!r}"
        )
    if reader.empty:
        raw.notes.append(f"{reader.empty} context sentences have no word: left out")
    if "audio" not in parts.features or "visual" not in parts.features:
        lacking = [m for m in ("audio", "visual") if m not in parts.features]
        raw.notes.append(f"the folder has no features of {' and '.join(lacking)}")
    return raw


def _sorted_out(path: Path, files: list[Path]) -> _Parts:
    parts = _Parts()
    for file in files:
        value = unpickle(file)
        name = _structure(value)
        if name is None:
            raise InputError(f"{file}: {kind(value)}, expected one of UR-FUNNY's: {_NEEDED}")
        if name == "features":
            modality = _modality(file, value)
            if modality in parts.features:
                other = parts.features[modality][0].name
                raise InputError(f"{file}: {modality} features, but {other} has them already")
            parts.features[modality] = (file, value)
            continue
        taken = getattr(parts, name)
        if taken is not None:
            raise InputError(f"{file}: {name}, but {taken[0].name} has them already")
        setattr(parts, name, (file, value))
    return parts


def _structure(value: Any) -> str | None:
    """Return which of the pickles a value is of."""
    if not isinstance(value, dict):
        return "vectors" if is_sequence(value) and len(value) and is_sequence(value[0]) else None
    if set(_FOLDS) >= set(value) >= {"train", "test"}:
        return "folds"
    first = next(iter(value.values()), None)
    if isinstance(first, dict):
        if f"{_PUNCHLINE}_{_INDICES}" in first:
            return "words"
        return "features" if f"{_PUNCHLINE}_{_FEATURES}" in first else None
    return "labels" if value and not is_sequence(first) else None


def _modality(file: Path, value: dict[str, Any]) -> str:
    width = _width(value)
    by_name = [m for name, m in _NAMES.items() if name in file.name.lower()]
    if width in _WIDTHS or not by_name:
        if width not in _WIDTHS:
            raise InputError(
                f"{file}: features of width {width}, expected 81 (COVAREP), 75 or 371 (OpenFace), "
                "or covarep or openface in the file's name"
            )
        return _WIDTHS[width]
    return by_name[0]


def _width(value: Mapping[str, Any]) -> int:
    """Return the columns of the first row of features; 0 where there is none."""
    segments = (one for one in value.values() if isinstance(one, dict))
    rows = next((rows for one in segments for rows in _sentences(one)), None)
    return len(rows[0]) if rows is not None and is_sequence(rows[0]) else 0


def _sentences(segment: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the sentences of a segment's features that have a row."""
    found: list[Any] = [segment.get(f"{_PUNCHLINE}_{_FEATURES}")]
    context: Any = segment.get(f"{_CONTEXT}_{_FEATURES}")
    found += list(context) if is_sequence(context) else []
    return (rows for rows in found if is_sequence(rows) and len(rows))


def _has_sentences(words: dict[str, Any]) -> bool:
    first: Any = next(iter(words.values()), None)
    return isinstance(first, dict) and "punchline_sentence" in first


def _lists(path: Path, folds: dict[str, Any]) -> dict[str, list[str]]:
    """Return the segments of each split."""
    listed: dict[str, list[str]] = {}
    where: dict[str, str] = {}
    for fold, value in folds.items():
        keys = ids(value)
        if keys is None:
            raise InputError(f"{path}: {fold}: {kind(value)}, expected a list of segments' ids")
        for key in keys:
            if key in where:
                raise InputError(
                    f"{path}: segment {key!r} is given twice, in {where[key]} and {fold}; expected "
                    "each punch line once"
                )
            where[key] = fold
        listed[_FOLDS[fold]] = keys
    return listed


class _Segments:
    """Reads one segment after the other."""

    def __init__(
        self,
        words: _Part,
        labels: _Part,
        features: Mapping[str, _Part],
        table: np.ndarray,
        size: int,
    ) -> None:
        self.table = table
        self.words = words[0], _by_id(words[1])
        self.labels = labels[0], _by_id(labels[1])
        self.features = {m: (file, _by_id(value)) for m, (file, value) in features.items()}
        self.widths = {m: _width(found) for m, (_, found) in self.features.items()}
        files = [self.words[0], *(file for file, _ in self.features.values())]
        # Of all files together: an index of a few bytes stands for a vector of another file.
        self.columns = {file: Columns(str(file), size) for file in files}
        self.empty = 0

    def segment(self, key: str) -> RawDialogue:
        path, words = self.words
        if not isinstance(words.get(key), dict):
            raise InputError(f"{path}: segment {key!r} has no punch line: it has no words at all")
        sentences = _rows(words[key], _INDICES, path, key)
        kept = [n for n, sentence in enumerate(sentences) if len(sentence)]
        self.empty += len(sentences) - len(kept)
        if len(sentences) - 1 not in kept:
            raise InputError(
                f"{path}: {_PUNCHLINE}_{_INDICES}: segment {key!r} has no punch line, expected at "
                "least one word"
            )
        said = [self.vectors(sentences[n], key) for n in kept]
        sequences = {"text": Ragged.of(said)}
        for modality, (file, found) in self.features.items():
            rows = self.aligned(file, found, key, sentences, kept)
            if rows is not None:
                sequences[modality] = Ragged.of(rows)
        nothing = {m: absent(len(kept), width)[0] for m, width in self.widths.items()}
        labels = np.full(len(kept), np.nan)
        labels[-1] = self.label(key)
        names = [f"{key}_{n}" for n in range(len(kept) - 1)]
        return RawDialogue(
            features=nothing | {m: one.mean() for m, one in sequences.items()},
            labels=labels,
            utterance_ids=[*names, f"{key}_{_PUNCHLINE}"],
            words=_said(words[key], kept),
            sequences=sequences,
        )

    def vectors(self, sentence: Any, key: str) -> np.ndarray:
        """Return the vectors of a sentence's words, (L, D)."""
        path = self.words[0]
        # An index may be in a list of its own.
        index = self.columns[path].numbers(sentence, _INDICES, key)
        wrong = np.flatnonzero(
            ~np.isfinite(index)
            | (index != np.floor(index))
            | (index < 0)
            | (index >= len(self.table))
        )
        if wrong.size:
            raise InputError(
                f"{path}: segment {key!r}: word {wrong[0]} is {index[wrong[0]]:g}, which has no "
                f"vector: the list of word embeddings has {len(self.table)}"
            )
        self.columns[path].afford(4 * len(index) * self.table.shape[1])
        return self.table[index.astype(np.int64)]

    def aligned(
        self, file: Path, found: Mapping[str, Any], key: str, words: list[Any], kept: list[int]
    ) -> list[np.ndarray] | None:
        """Return the rows of a modality, one for each word; None where the segment has none."""
        if not isinstance(found.get(key), dict):
            return None
        sentences = _rows(found[key], _FEATURES, file, key)
        if len(sentences) != len(words):
            raise InputError(
                f"{file}: segment {key!r} has {len(sentences) - 1} context sentences for "
                f"{len(words) - 1} in {self.words[0].name}, expected the same"
            )
        for n, (rows, said) in enumerate(zip(sentences, words, strict=True)):
            if len(rows) != len(said):
                name = "the punch line" if n == len(words) - 1 else f"context sentence {n}"
                raise InputError(
                    f"{file}: segment {key!r}: {name} has {len(rows)} rows for {len(said)} words, "
                    "expected modalities that are aligned: one row for every word"
                )
        return [self.columns[file].features(sentences[n], _FEATURES, key) for n in kept]

    def label(self, key: str) -> float:
        path, labels = self.labels
        value = labels.get(key)
        if not isinstance(value, (int, np.integer)) or value not in (0, 1):
            raise InputError(
                f"{path}: segment {key!r} has the label {value!r:.40}, expected 1 for a humorous "
                "punch line or 0"
            )
        return float(value)


def _rows(segment: Mapping[str, Any], of: str, path: Path, key: str) -> list[Any]:
    """Return the sentences of a segment, context first, the punch line last."""
    context = segment.get(f"{_CONTEXT}_{of}", [])
    punchline = segment.get(f"{_PUNCHLINE}_{of}", [])
    for name, value in ((_CONTEXT, context), (_PUNCHLINE, punchline)):
        if not is_sequence(value):
            raise InputError(
                f"{path}: segment {key!r}: {name}_{of} is {kind(value)}, expected a list"
            )
    for n, sentence in enumerate(context):
        if not is_sequence(sentence):
            raise InputError(
                f"{path}: segment {key!r}: context sentence {n} is {kind(sentence)}, expected a "
                "list of words"
            )
    return [*context, punchline]


def _said(segment: Mapping[str, Any], kept: list[int]) -> list[str] | None:
    """Return the words of the kept sentences as texts; None where the file has none."""
    context, punchline = segment.get("context_sentences"), segment.get("punchline_sentence")
    if not is_sequence(context) or punchline is None:
        return None
    texts = [_text(one) for one in [*(context if context is not None else []), punchline]]
    return [texts[n] for n in kept] if len(texts) > max(kept) else None


def _text(sentence: Any) -> str:
    if isinstance(sentence, str):
        return sentence
    return " ".join(map(str, sentence)) if is_sequence(sentence) else ""


def _by_id(value: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key): one for key, one in value.items()}
