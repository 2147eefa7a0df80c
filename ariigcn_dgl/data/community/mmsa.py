"""MMSA's dictionaries: whole splits as padded arrays, one video a monologue of clips."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from ariigcn_dgl.data.community.columns import Columns, kind
from ariigcn_dgl.data.community.published import INTENSITIES
from ariigcn_dgl.data.community.raw import ImportOptions, RawDialogue, RawSet
from ariigcn_dgl.errors import InputError

_SPLITS = {"train": "train", "valid": "val", "test": "test"}
_MODALITIES = {"text": "text", "audio": "audio", "visual": "vision"}
SENTIMENTS = ("negative", "neutral", "positive")
_NATURAL = re.compile(r"(\d+)")


def is_mmsa(value: Any) -> bool:
    """Whether a value is {"train", "valid", "test"} of dictionaries of arrays."""
    if not isinstance(value, dict) or not {"train", "test"} <= set(value) <= set(_SPLITS):
        return False
    part = value["train"]
    return isinstance(part, dict) and {"id", "regression_labels"} <= set(part)


def read_mmsa(value: Any, path: Path, columns: Columns, options: ImportOptions) -> RawSet:
    """Return the monologues of MMSA's dictionaries; frames and tokens become their mean."""
    names = SENTIMENTS if options.labels == "sentiment" or _is_unit(value) else INTENSITIES
    raw = RawSet(path, "dictionaries of MMSA", {}, {}, names, names is SENTIMENTS)
    for name, part in value.items():
        if not isinstance(part, dict):
            raise InputError(f"{path}: {name}: {kind(part)}, expected a dictionary of arrays")
        raw.listed[_SPLITS[name]] = _read_split(raw, name, part, columns, names)
    raw.notes.append("a clip's features are the mean over its frames (tokens, for text)")
    raw.notes.append("a video is one dialogue, its clips in the order of their numbers")
    if names is SENTIMENTS and options.labels != "sentiment":
        raw.notes.append("intensities lie within -1 and 1, as in CH-SIMS: labels are 3 sentiments")
    return raw


def _is_unit(value: dict[str, Any]) -> bool:
    parts = [part["regression_labels"] for part in value.values() if isinstance(part, dict)]
    try:
        return all(np.abs(np.asarray(part, np.float64)).max(initial=0) <= 1 for part in parts)
    except (TypeError, ValueError, OverflowError):
        return False  # the reader of the labels says which is no number


def _read_split(
    raw: RawSet, name: str, part: dict[str, Any], columns: Columns, names: tuple[str, ...]
) -> list[str]:
    clips = [str(one) for one in np.asarray(part.get("id", ())).reshape(-1).tolist()]
    intensities = columns.numbers(part.get("regression_labels"), "regression_labels", name)
    features = {
        modality: _pooled(raw.path, name, part, key)
        for modality, key in _MODALITIES.items()
        if key in part
    }
    for field, rows in (("regression_labels", intensities), *features.items()):
        if len(rows) != len(clips):
            raise InputError(
                f"{raw.path}: {name}: {field} has {len(rows)} rows for {len(clips)} ids"
            )
    labels = sentiments(intensities) if names is SENTIMENTS else steps(intensities)
    videos: dict[str, list[int]] = {}
    for row in sorted(range(len(clips)), key=lambda row: _natural(clips[row])):
        videos.setdefault(clips[row].rpartition("$_$")[0] or clips[row], []).append(row)
    return [_add(raw, video, name, rows, features, labels, clips) for video, rows in videos.items()]


def _add(
    raw: RawSet,
    video: str,
    name: str,
    rows: list[int],
    features: dict[str, np.ndarray],
    labels: np.ndarray,
    clips: list[str],
) -> str:
    """Add the clips of a video as a dialogue; return the name it got."""
    key, suffix = video, ""
    if video in raw.dialogues:
        suffix = f" ({name})"
        key = f"{video}{suffix}"
        raw.notes.append(f"LEAK in the file: clips of video {video!r} are in two splits")
    raw.dialogues[key] = RawDialogue(
        {modality: array[rows] for modality, array in features.items()},
        labels[rows],
        utterance_ids=[f"{clips[row]}{suffix}" for row in rows],
    )
    return key


def _pooled(path: Path, name: str, part: dict[str, Any], key: str) -> np.ndarray:
    array = part[key]
    if (
        not isinstance(array, np.ndarray)
        or array.ndim not in (2, 3)
        or array.dtype.kind not in "fiu"
    ):
        raise InputError(
            f"{path}: {name}: {key}: {kind(array)}, expected (clips, frames, width) numbers"
        )
    if array.ndim == 2:
        return array.astype(np.float32)
    # MMSA's own loader reads -inf of log energies as 0.
    frames = np.where(np.isneginf(array), 0, array).astype(np.float32)
    counts = _frame_counts(part, key, frames)
    inside = np.arange(frames.shape[1]) < counts[:, None]
    return np.where(inside[..., None], frames, 0).sum(1) / np.maximum(counts, 1)[:, None].astype(
        "f4"
    )


def _frame_counts(part: dict[str, Any], key: str, frames: np.ndarray) -> np.ndarray:
    if key == "text" and isinstance(part.get("text_bert"), np.ndarray):
        tokens = part["text_bert"]
        if tokens.ndim == 3 and tokens.shape[0] == len(frames) and tokens.shape[1] == 3:
            return tokens[:, 1].sum(axis=1).astype(np.int64).clip(1, frames.shape[1])
    lengths = part.get(f"{key}_lengths")
    if isinstance(lengths, (list, np.ndarray)) and len(lengths) == len(frames):
        return np.asarray(lengths, np.int64).reshape(-1).clip(1, frames.shape[1])
    # Aligned files have no lengths: clips are padded with rows of zeros at either end.
    return np.maximum(frames.any(axis=2).sum(axis=1), 1)


def steps(intensities: np.ndarray) -> np.ndarray:
    """Return the class 0 to 6 of intensities from -3 to 3, as GraphSmile divides them.

    Examples
    --------
    >>> steps(np.array([-3.0, -2.0, -0.5, 0.0, 0.5, 2.0, 2.5])).tolist()
    [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    """
    below = sum((intensities >= edge).astype(np.float64) for edge in (-2.0, -1.0, 0.0))
    above = sum((intensities > edge).astype(np.float64) for edge in (0.0, 1.0, 2.0))
    return np.where(np.isnan(intensities), np.nan, below + above)


def sentiments(intensities: np.ndarray) -> np.ndarray:
    """Return negative 0, neutral 1, positive 2 of intensities."""
    return np.where(np.isnan(intensities), np.nan, np.sign(intensities) + 1)


def _natural(clip: str) -> list[tuple[int, str]]:
    """Sort key that puts clip 10 after clip 9."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in _NATURAL.split(clip)]
