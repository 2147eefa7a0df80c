"""Describe a data set: sizes, classes, modalities; what is wrong with it is in `findings`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ariigcn_dgl.data.columns import columns_of, finite_rows
from ariigcn_dgl.data.dialogues import SPLITS, UNLABELLED, Dialogues
from ariigcn_dgl.data.targets import Target


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
    views : tuple of int
        Columns of each view; of a modality without views its one width.
    missing : float
        Share of utterances without the modality, 0 to 1.
    means, deviations : (float, float)
        Lowest and highest mean and standard deviation of a column.
    rows : float
        Mean number of rows of an utterance, of a modality of sequences; 1 of one of vectors.
    """

    modality: str
    width: int
    views: tuple[int, ...]
    missing: float
    means: tuple[float, float]
    deviations: tuple[float, float]
    rows: float = 1.0


@dataclass(frozen=True)
class TargetSummary:
    """A target beside the classes.

    Parameters
    ----------
    name, kind : str
    names : tuple of str
        Of its numbers, labels or classes.
    known : tuple of int
        Utterances of each split of which something is known, in the order of the splits.
    shown : tuple of str
        Of each name in words: mean, deviation and range of a number, or how often a label or class
        occurs.
    """

    name: str
    kind: str
    names: tuple[str, ...]
    known: tuple[int, ...]
    shown: tuple[str, ...]


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
    targets: tuple[TargetSummary, ...] = ()


def summarise(dialogues: Dialogues) -> Summary:
    """Count and measure a data set.

    Parameters
    ----------
    dialogues : Dialogues
        A set whose fields agree; rows with NaN or inf do not count.

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
    >>> summarise(tiny).splits[0].classes, summarise(tiny).modalities[0].means
    ((1, 0), (1.0, 1.0))
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
        targets=tuple(_target(dialogues, one) for one in dialogues.targets.values()),
    )


def _target(dialogues: Dialogues, target: Target) -> TargetSummary:
    spec, splits = target.spec, [split for split in SPLITS if split in dialogues.splits]
    rows = [dialogues.in_split(split) for split in splits]
    if spec.kind == "regression":
        shown = [_in_words(column[~np.isnan(column)]) for column in target.values.T]
    elif spec.kind == "multilabel":
        shown = [f"{int((column == 1).sum())} utterances" for column in target.values.T]
    else:
        shown = [f"{int((target.values == c).sum())} utterances" for c in range(spec.width)]
    known = tuple(int(target.known[chosen].sum()) for chosen in rows)
    return TargetSummary(spec.name, spec.kind, spec.names, known, tuple(shown))


def _in_words(values: np.ndarray) -> str:
    values = values.astype(np.float64)
    if not values.size:
        return "unknown"
    return (
        f"{values.mean():.3g} ± {values.std():.3g}, from {values.min():.3g} to {values.max():.3g}"
    )


def _split(dialogues: Dialogues, split: str) -> SplitSummary:
    labels = dialogues.labels[dialogues.in_split(split)]
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
    found = columns_of(array, mask & finite_rows(array))
    return ModalitySummary(
        modality=modality,
        width=array.shape[1],
        views=dialogues.view_widths(modality),
        missing=float(1 - mask.mean()),
        means=(float(found.mean.min()), float(found.mean.max())),
        deviations=(float(found.std.min()), float(found.std.max())),
        rows=_rows_each(dialogues, modality),
    )


def _rows_each(dialogues: Dialogues, modality: str) -> float:
    """Return the mean number of rows of an utterance that has the modality; 1 of vectors."""
    sequence = dialogues.sequences.get(modality)
    if sequence is None:
        return 1.0
    return len(sequence.rows) / max(1, int((sequence.lengths > 0).sum()))


def _speakers_per_dialogue(dialogues: Dialogues) -> np.ndarray:
    pairs = np.unique(np.stack([dialogues.row_dialogues, dialogues.speakers]), axis=1)
    return np.bincount(pairs[0], minlength=dialogues.num_dialogues)


def _spread(counts: np.ndarray) -> tuple[int, float, int]:
    return int(counts.min()), float(counts.mean()), int(counts.max())
