"""MMSA's dictionaries: whole splits as padded arrays, one video a monologue of clips."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from ariigcn_dgl.data.community.columns import Columns, ids, kind, sentences
from ariigcn_dgl.data.community.numbers import whole
from ariigcn_dgl.data.community.published import INTENSITIES
from ariigcn_dgl.data.community.raw import ImportOptions, RawDialogue, RawSet
from ariigcn_dgl.errors import InputError

_SPLITS = {"train": "train", "valid": "val", "test": "test"}
_MODALITIES = {"text": "text", "audio": "audio", "visual": "vision"}
SENTIMENTS = ("negative", "neutral", "positive")
_STRONGEST = 3.0  # CMU-MOSI's and CMU-MOSEI's scale
_NATURAL = re.compile(r"(\d+)")


def is_mmsa(value: Any) -> bool:
    """Whether a value is {"train", "valid", "test"} of dictionaries of arrays."""
    if not isinstance(value, dict) or not {"train", "test"} <= set(value) <= set(_SPLITS):
        return False
    part = value["train"]
    return isinstance(part, dict) and {"id", "regression_labels"} <= set(part)


def read_mmsa(value: Any, path: Path, columns: Columns, options: ImportOptions) -> RawSet:
    """Return the monologues of MMSA's dictionaries; frames and tokens become their mean."""
    intensities = {name: _intensities(part, name, path, columns) for name, part in value.items()}
    is_unit = all((np.abs(known(found)) <= 1).all() for found in intensities.values())
    names = class_names("sentiment" if is_unit and options.labels == "emotion" else options.labels)
    raw = RawSet(path, "dictionaries of MMSA", {}, {}, names, names is SENTIMENTS)
    for name, part in value.items():
        labels = labels_of(intensities[name], names)
        raw.listed[_SPLITS[name]] = _read_split(raw, name, part, columns, labels)
    raw.notes.append("a clip's features are the mean over its frames (tokens, for text)")
    raw.notes.append("a video is one dialogue, its clips in the order of their numbers")
    if names is SENTIMENTS and options.labels != "sentiment":
        raw.notes.append("intensities lie within -1 and 1, as in CH-SIMS: labels are 3 sentiments")
    return raw


def _intensities(part: Any, name: str, path: Path, columns: Columns) -> np.ndarray:
    if not isinstance(part, dict):
        raise InputError(f"{path}: {name}: {kind(part)}, expected a dictionary of arrays")
    field = "regression_labels"
    return checked_intensities(columns.numbers(part.get(field), field, name), f"{path}: {name}")


def _read_split(
    raw: RawSet, name: str, part: dict[str, Any], columns: Columns, labels: np.ndarray
) -> list[str]:
    clips = ids(part.get("id", ()))
    if clips is None:
        raise InputError(f"{raw.path}: {name}: id: {kind(part['id'])}, expected a list of names")
    features = {
        modality: _pooled(raw, name, part, key, columns)
        for modality, key in _MODALITIES.items()
        if key in part
    }
    for field, rows in (("regression_labels", labels), *features.items()):
        if len(rows) != len(clips):
            raise InputError(
                f"{raw.path}: {name}: {field} has {len(rows)} rows for {len(clips)} ids"
            )
    texts = _texts(raw, name, part, len(clips))
    videos: dict[str, list[int]] = {}
    for row in sorted(range(len(clips)), key=lambda row: _natural(clips[row])):
        videos.setdefault(clips[row].rpartition("$_$")[0] or clips[row], []).append(row)
    keys = []
    for video, of_video in videos.items():
        keys.append(_add(raw, video, name, of_video, features, labels, clips))
        if texts is not None:
            raw.dialogues[keys[-1]].words = [texts[row] for row in of_video]
    return keys


def _texts(raw: RawSet, name: str, part: dict[str, Any], count: int) -> list[str] | None:
    """Return what was said in each clip; None where the file does not have it of all."""
    if "raw_text" not in part:
        return None
    found = sentences(part["raw_text"])
    if found is None or len(found) != count:
        raw.notes.append(
            f"{name}: raw_text is no list of {count} texts, one for each id: what was said is not "
            "read"
        )
        return None
    return found


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
    if video in raw.dialogues:  # then as another dialogue: none is in two splits
        suffix = f" ({name})"
        key = f"{video}{suffix}"
        raw.notes.append(f"LEAK in the file: clips of video {video!r} are in two splits")
    raw.dialogues[key] = RawDialogue(
        {modality: array[rows] for modality, array in features.items()},
        labels[rows],
        utterance_ids=[f"{clips[row]}{suffix}" for row in rows],
    )
    return key


def _pooled(raw: RawSet, name: str, part: dict[str, Any], key: str, columns: Columns) -> np.ndarray:
    array = part[key]
    if (
        not isinstance(array, np.ndarray)
        or array.ndim not in (2, 3)
        or array.dtype.kind not in "fiu"
    ):
        raise InputError(
            f"{raw.path}: {name}: {key}: {kind(array)}, expected (clips, frames, width) numbers"
        )
    if array.ndim == 2:
        return array.astype(np.float32)
    # MMSA's own loader reads -inf of log energies as 0.
    frames = np.where(np.isneginf(array), 0, array).astype(np.float32)
    counts = _frame_counts(part, key, frames, columns, name)
    inside = _inside((frames != 0).any(axis=2), counts)
    at_start = int((inside[:, 0] < inside[:, -1]).sum()) if inside.size else 0
    if at_start:
        raw.notes.append(f"{name}: {key}: {at_start} clips are padded at the start")
    return np.where(inside[..., None], frames, 0).sum(1) / np.maximum(counts, 1)[:, None].astype(
        "f4"
    )


def _inside(filled: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return which frames, (clips, frames), are a clip's: its first ones, or its last ones.

    Padding is zeros; it is at the start where all that is filled are the last frames.
    """
    total = filled.shape[1]
    places = np.arange(total)
    first, last = places < counts[:, None], places >= total - counts[:, None]
    at_start = (filled & ~first).any(axis=1) & ~(filled & ~last).any(axis=1)
    return np.where(at_start[:, None], last, first)


def _frame_counts(
    part: dict[str, Any], key: str, frames: np.ndarray, columns: Columns, name: str
) -> np.ndarray:
    if key == "text" and isinstance(part.get("text_bert"), np.ndarray):
        tokens = part["text_bert"]
        if (
            tokens.ndim == 3
            and tokens.shape[:2] == (len(frames), 3)
            and tokens.dtype.kind in "biuf"
        ):
            return _as_counts(tokens[:, 1].sum(axis=1), frames)
    lengths = part.get(f"{key}_lengths")
    if isinstance(lengths, (list, np.ndarray)) and len(lengths) == len(frames):
        return _as_counts(columns.numbers(lengths, f"{key}_lengths", name), frames)
    # Aligned files have no lengths: clips are padded with rows of zeros at either end.
    return _as_counts(frames.any(axis=2).sum(axis=1), frames)


def _as_counts(lengths: np.ndarray, frames: np.ndarray) -> np.ndarray:
    # NaN is no length: all frames count.
    return np.nan_to_num(lengths, nan=np.inf).clip(1, frames.shape[1]).astype(np.int64)


def known(intensities: np.ndarray) -> np.ndarray:
    """Return those that are not NaN."""
    return intensities[~np.isnan(intensities)]


def checked_intensities(intensities: np.ndarray, where: str) -> np.ndarray:
    """Return intensities of sentiment; InputError where one is not from -3 to 3."""
    beyond = known(intensities)[np.abs(known(intensities)) > _STRONGEST]
    if beyond.size:
        raise InputError(f"{where}: {beyond[0]:g} is no intensity of sentiment, expected -3 to 3")
    return intensities


def class_names(wanted: str) -> tuple[str, ...]:
    """Return the classes of intensities that `ImportOptions.labels` asks for; () for a score."""
    return {"score": (), "sentiment": SENTIMENTS}.get(wanted, INTENSITIES)


def labels_of(intensities: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Return intensities as numbers of the classes that `class_names` gave."""
    if not names:
        return intensities
    return sentiments(intensities) if names is SENTIMENTS else steps(intensities)


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
    parts = [(whole(part), part) for part in _NATURAL.split(clip)]
    return [(-1, part) if number is None else (number, "") for number, part in parts]
