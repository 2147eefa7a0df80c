"""MUStARD's folder: what was said and the labels as JSON, BERT's features, audio as a pickle.

Each file is known by its structure. A clip is a dialogue: context lines, then the one that is
labelled. Shows other than FRIENDS are training: the authors' speaker-independent split.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict

import numpy as np

from ariigcn_dgl.data.community.columns import Columns
from ariigcn_dgl.data.community.raw import RawDialogue, RawSet
from ariigcn_dgl.data.community.unpickle import unpickle
from ariigcn_dgl.data.community.ur_funny import pickles
from ariigcn_dgl.data.missing import absent
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import json_lines, read_json
from ariigcn_dgl.schema import conform

LABEL_NAMES = ("not_sarcastic", "sarcastic")
TEST_SHOW = "FRIENDS"
_FIRST_TOKEN = 0  # BERT's [CLS], of which the authors take the mean of the layers


class Clip(TypedDict):
    """An entry of the JSON file; other keys are ignored."""

    utterance: str
    speaker: str
    context: list[str]
    context_speakers: list[str]
    show: str
    sarcasm: bool


def transcript(path: Path) -> Path | None:
    """Return the JSON file of clips in a folder; None if there is none."""
    return next((file for file in sorted(path.glob("*.json")) if _has_clips(file)), None)


def _has_clips(file: Path) -> bool:
    try:
        content = read_json(file)
    except InputError:
        return False
    first = next(iter(content.values()), None)
    return isinstance(first, dict) and {"utterance", "context", "sarcasm"} <= set(first)


def read_mustard(path: Path, said: Path) -> RawSet:
    """Return the clips of MUStARD's folder.

    Parameters
    ----------
    path : Path
        The folder.
    said : Path
        Its JSON file.

    Raises
    ------
    InputError
        If an entry lacks its punch line or a key, or features are none, or of other clips.
    """
    clips = {key: conform(value, Clip, f"{said}: {key}") for key, value in read_json(said).items()}
    for key, clip in clips.items():
        if not clip["utterance"].strip():
            raise InputError(f"{said}: clip {key!r} has no punch line: its utterance is empty")
        if len(clip["context"]) != len(clip["context_speakers"]):
            raise InputError(
                f"{said}: clip {key!r} has {len(clip['context_speakers'])} context_speakers for "
                f"{len(clip['context'])} lines of context, expected one for each"
            )
    features = {"text": _bert(path, clips), "audio": _audio(path, clips)}
    features = {m: found for m, found in features.items() if found}
    if not features:
        raise InputError(
            f"{path}: {said.name} has words and labels, but there are no features: expected "
            "bert-output.jsonl and bert-output-context.jsonl, or audio_features.p beside it"
        )
    raw = RawSet(path, "MUStARD's clips", {}, {"train": [], "test": []}, LABEL_NAMES, named=True)
    for key, clip in clips.items():
        raw.listed["test" if clip["show"] == TEST_SHOW else "train"].append(key)
        raw.dialogues[key] = RawDialogue(
            {modality: found[key] for modality, found in features.items()},
            np.array([np.nan] * len(clip["context"]) + [float(clip["sarcasm"])]),
            [*clip["context_speakers"], clip["speaker"]],
            [f"{key}_{turn}" for turn in range(len(clip["context"]) + 1)],
            words=[*clip["context"], clip["utterance"]],
        )
    raw.notes.append("the punch line is the last utterance of a clip, and alone has a label")
    raw.notes.append(f"test is the show {TEST_SHOW}: the authors' speaker-independent split")
    if any(path.glob("*.h*5")):
        raw.notes.append("visual features are HDF5 files, which are not read")
    return raw


def _bert(path: Path, clips: dict[str, Clip]) -> dict[str, np.ndarray]:
    """Return the text's features of each clip; {} where there are none.

    The files have no ids: one line for each punch line, and one for each line of context, in the
    order of the clips.
    """
    count = sum(len(clip["context"]) for clip in clips.values())
    found: dict[int, np.ndarray] = {}
    for file in sorted(path.glob("*.jsonl")):
        rows = np.array(list(_vectors(file)), np.float32)
        if len(rows) not in (len(clips), count):
            raise InputError(
                f"{file}: has {len(rows)} lines, expected {len(clips)}, one for each punch line, "
                f"or {count}, one for each line of context"
            )
        found[len(rows)] = rows
    widths = {rows.shape[1] for rows in found.values()}
    if not widths:
        return {}
    if len(widths) > 1:
        raise InputError(
            f"{path}: text of {min(widths)} columns and of {max(widths)}, expected punch lines and "
            "context by one encoder"
        )
    (width,) = widths
    lasts = found.get(len(clips), absent(len(clips), width)[0])
    contexts = found.get(count, absent(count, width)[0])
    of_clip, start = {}, 0
    for (key, clip), last in zip(clips.items(), lasts, strict=True):
        end = start + len(clip["context"])
        of_clip[key] = np.concatenate([contexts[start:end], last[None]])
        start = end
    return of_clip


def _vectors(file: Path) -> Iterator[np.ndarray]:
    """Yield the mean over layers of each line's first token."""
    width = 0
    for number, line in json_lines(file):
        where = f"{file}: line {number}"
        try:
            layers = [layer["values"] for layer in line["features"][_FIRST_TOKEN]["layers"]]
            table = np.array(layers, np.float64)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise InputError(
                f"{where}: expected features of tokens with layers of values, as BERT's "
                "extract_features writes them"
            ) from error
        if table.ndim != 2 or table.shape[1] != (width or table.shape[1]):
            expected = f"rows of {width} numbers" if width else "rows of numbers"
            raise InputError(f"{where}: layers of shape {table.shape}, expected {expected}")
        width = table.shape[1]
        yield table.mean(0)


def _audio(path: Path, clips: dict[str, Clip]) -> dict[str, np.ndarray]:
    """Return the audio of each clip, of the punch line alone; {} where there is none."""
    for file in pickles(path):
        value = unpickle(file)
        if not isinstance(value, dict) or not set(map(str, value)) & set(clips):
            continue  # splits and word vectors lie beside it
        columns = Columns(str(file), file.stat().st_size)
        found: dict[str, np.ndarray] = {}
        for key, clip in clips.items():
            if key not in value:
                raise InputError(f"{file}: has no features of clip {key!r}")
            # (columns, frames), of which the authors take the mean over frames.
            frames = columns.features(value[key], "audio", key).mean(1)
            before = absent(len(clip["context"]), len(frames))[0]
            found[key] = np.concatenate([before, frames[None]])
        return found
    return {}
