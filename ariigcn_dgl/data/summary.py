"""Describe a data set: sizes, classes, modalities, and what looks wrong with it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from ariigcn_dgl.data.dialogues import SPLITS, UNLABELLED, Dialogues


@dataclass(frozen=True)
class SplitSummary:
    """Size of one split; `classes` counts the utterances of each class, in class order."""

    split: str
    dialogues: int
    utterances: int
    classes: tuple[int, ...]
    unlabelled: int


@dataclass(frozen=True)
class ModalitySummary:
    """Features of one modality, over the utterances that have it.

    Parameters
    ----------
    modality : str
        One of `MODALITIES`.
    width : int
        Number of feature columns.
    missing : float
        Share of utterances without the modality, 0 to 1.
    means, deviations : (float, float)
        Lowest and highest mean and standard deviation of a column.
    constant : tuple of int
        Columns with one value everywhere in `train` (in the whole set if there is no `train`).
    """

    modality: str
    width: int
    missing: float
    means: tuple[float, float]
    deviations: tuple[float, float]
    constant: tuple[int, ...]


@dataclass(frozen=True)
class Summary:
    """What `summarise` found; lengths and speakers are (lowest, mean, highest) per dialogue."""

    name: str
    label_names: tuple[str, ...]
    num_speakers: int
    lengths: tuple[int, float, int]
    speakers: tuple[int, float, int]
    splits: tuple[SplitSummary, ...]
    modalities: tuple[ModalitySummary, ...]
    warnings: tuple[str, ...]


def summarise(dialogues: Dialogues) -> Summary:
    """Count and measure a checked data set, and collect warnings about it.

    Warnings are about classes absent from `train`, splits without labels, the same dialogue in two
    splits, constant feature columns and modalities missing everywhere in a split.

    Parameters
    ----------
    dialogues : Dialogues
        A checked set.

    Examples
    --------
    >>> import numpy as np
    >>> tiny = Dialogues(
    ...     name="tiny",
    ...     features={"text": np.array([[0.0, 1.0], [2.0, 1.0]], np.float32)},
    ...     masks={"text": np.array([True, True])},
    ...     labels=np.array([0, -1]),
    ...     speakers=np.array([0, 1]),
    ...     dialogue_ptr=np.array([0, 2]),
    ...     dialogue_ids=("d",),
    ...     splits=("train",),
    ...     utterance_ids=("d_0", "d_1"),
    ...     label_names=("joy", "anger"),
    ...     speaker_names=("Ann", "Bob"),
    ... )
    >>> for warning in summarise(tiny).warnings:
    ...     print(warning)
    class 'anger' has no utterance in train
    text: 1 of 2 columns are constant (1)
    """
    splits = tuple(_split(dialogues, split) for split in SPLITS if split in dialogues.splits)
    modalities = tuple(_modality(dialogues, modality) for modality in dialogues.features)
    return Summary(
        name=dialogues.name,
        label_names=dialogues.label_names,
        num_speakers=len(dialogues.speaker_names),
        lengths=_spread(dialogues.lengths),
        speakers=_spread(_speakers_per_dialogue(dialogues)),
        splits=splits,
        modalities=modalities,
        warnings=(
            *_class_warnings(dialogues.label_names, splits),
            *_missing_warnings(dialogues),
            *_constant_warnings(modalities),
            *_leak_warnings(dialogues),
        ),
    )


def _split(dialogues: Dialogues, split: str) -> SplitSummary:
    labels = dialogues.labels[_rows_of(dialogues, split)]
    known = labels[labels != UNLABELLED]
    return SplitSummary(
        split=split,
        dialogues=dialogues.splits.count(split),
        utterances=len(labels),
        classes=tuple(np.bincount(known, minlength=dialogues.num_classes).tolist()),
        unlabelled=len(labels) - len(known),
    )


def _modality(dialogues: Dialogues, modality: str) -> ModalitySummary:
    array, mask = dialogues.features[modality], dialogues.masks[modality]
    rows = array[mask] if mask.any() else np.zeros((1, array.shape[1]), np.float32)
    means, deviations = rows.mean(axis=0, dtype=np.float64), rows.std(axis=0, dtype=np.float64)
    seen = mask & _rows_of(dialogues, "train")
    learnt = array[seen] if seen.any() else rows
    return ModalitySummary(
        modality=modality,
        width=array.shape[1],
        missing=float(1 - mask.mean()),
        means=(float(means.min()), float(means.max())),
        deviations=(float(deviations.min()), float(deviations.max())),
        constant=tuple(np.flatnonzero(learnt.max(axis=0) == learnt.min(axis=0)).tolist()),
    )


def _rows_of(dialogues: Dialogues, split: str) -> np.ndarray:
    return np.repeat(np.array(dialogues.splits) == split, dialogues.lengths)


def _speakers_per_dialogue(dialogues: Dialogues) -> np.ndarray:
    of_row = np.repeat(np.arange(dialogues.num_dialogues), dialogues.lengths)
    pairs = np.unique(np.stack([of_row, dialogues.speakers]), axis=1)
    return np.bincount(pairs[0], minlength=dialogues.num_dialogues)


def _spread(counts: np.ndarray) -> tuple[int, float, int]:
    return int(counts.min()), float(counts.mean()), int(counts.max())


def _class_warnings(label_names: tuple[str, ...], splits: tuple[SplitSummary, ...]) -> list[str]:
    warnings = []
    for split in splits:
        if sum(split.classes) == 0:
            warnings.append(f"{split.split} has no labels: it can be predicted but not scored")
        elif split.split == "train":
            absent = (n for n, count in zip(label_names, split.classes, strict=True) if not count)
            warnings += [f"class {name!r} has no utterance in train" for name in absent]
    return warnings


def _missing_warnings(dialogues: Dialogues) -> list[str]:
    return [
        f"{modality}: missing for every utterance of {split}"
        for modality, mask in dialogues.masks.items()
        for split in SPLITS
        if split in dialogues.splits and not mask[_rows_of(dialogues, split)].any()
    ]


def _constant_warnings(modalities: tuple[ModalitySummary, ...]) -> list[str]:
    shown = 5
    return [
        f"{m.modality}: {len(m.constant)} of {m.width} columns are constant "
        f"({', '.join(map(str, m.constant[:shown]))}{', …' if len(m.constant) > shown else ''})"
        for m in modalities
        if m.constant
    ]


def _leak_warnings(dialogues: Dialogues) -> list[str]:
    first: dict[bytes, int] = {}
    warnings = []
    for dialogue in range(dialogues.num_dialogues):
        earlier = first.setdefault(_content(dialogues, dialogue), dialogue)
        if dialogues.splits[earlier] != dialogues.splits[dialogue]:
            warnings.append(
                f"dialogue {dialogues.dialogue_ids[dialogue]!r} ({dialogues.splits[dialogue]}) has "
                f"the same features as {dialogues.dialogue_ids[earlier]!r} "
                f"({dialogues.splits[earlier]})"
            )
    return warnings


def _content(dialogues: Dialogues, dialogue: int) -> bytes:
    digest = hashlib.sha256()
    for array in dialogues.features.values():
        digest.update(np.ascontiguousarray(array[dialogues.rows(dialogue)]))
    return digest.digest()
