"""Class numbers and names out of the numbers of a file."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ariigcn_dgl.data.community.mmsa import checked_intensities, sentiments, steps
from ariigcn_dgl.data.community.published import (
    CMU_MOSEI,
    DAILY_DIALOG,
    DAILY_DIALOG_CLASSES,
    Published,
)
from ariigcn_dgl.data.community.raw import RawSet
from ariigcn_dgl.data.dialogues import UNLABELLED
from ariigcn_dgl.data.targets import Target, score_target
from ariigcn_dgl.errors import InputError

_MOST_CLASSES = 1000  # numbers beyond are no classes of emotions, but something else
_SHOWN = 3  # of the numbers, so that a note stays a line


class Classes(NamedTuple):
    """Labels of all utterances, (N,) int64, and the names of the classes."""

    labels: np.ndarray
    names: tuple[str, ...]


def classify(raw: RawSet, numbers: np.ndarray, dataset: Published | None, wanted: str) -> Classes:
    """Return the classes that the numbers of a file mean; `wanted` is emotion or sentiment.

    Raises
    ------
    InputError
        If there is no such label, or a number is no class.
    """
    sentiment = wanted == "sentiment" and not raw.sentiment
    if dataset is CMU_MOSEI and raw.label_names is None:
        checked_intensities(numbers, f"{raw.path}: labels")
        raw.notes.append("labels are intensities of sentiment, divided into 7 or 3 classes")
        divide, names = (steps, dataset.label_names)
        if sentiment:
            divide, names = sentiments, dataset.sentiment_names
        return Classes(_whole(raw, divide(numbers)), names)
    labels = _whole(raw, numbers)
    if sentiment:
        _check_range(raw, labels, dataset.label_names if dataset else (), dataset)
        return _sentiment(raw, labels, dataset)
    names = raw.label_names or _names(raw, labels, dataset)
    _check_range(raw, labels, names, dataset)
    return Classes(labels, names)


def score_of(raw: RawSet, numbers: np.ndarray, dataset: Published | None) -> Target:
    """Return the intensities of sentiment that the numbers of a file are, as a regression.

    Raises
    ------
    InputError
        If the file has none.
    """
    if raw.label_names != () and not (dataset is CMU_MOSEI and raw.label_names is None):
        raise InputError(
            f"{raw.path}: --labels score: {raw.layout} has classes, no intensities of sentiment"
        )
    checked_intensities(numbers, f"{raw.path}: labels")
    raw.notes.append("labels are intensities of sentiment, kept as numbers")
    return score_target(numbers)


def no_classes(numbers: np.ndarray) -> Classes:
    """Return the labels of utterances that have a score and no class."""
    return Classes(np.full(len(numbers), UNLABELLED), ())


def _check_range(
    raw: RawSet, labels: np.ndarray, names: tuple[str, ...], dataset: Published | None
) -> None:
    highest = int(labels.max(initial=-1))
    if names and highest >= len(names):
        owner = f" of {dataset.name}" if dataset else ""
        raise InputError(
            f"{raw.path}: labels: {highest} is no class{owner}, expected 0 to {len(names) - 1} "
            f"({', '.join(names)})"
        )


def _whole(raw: RawSet, numbers: np.ndarray) -> np.ndarray:
    # Nothing, NaN and -1 stand for no label; any other number that is no class is a mistake.
    known = ~np.isnan(numbers) & (numbers != UNLABELLED)
    odd = known & ((numbers != np.floor(numbers)) | (numbers >= _MOST_CLASSES) | (numbers < 0))
    if odd.any():
        raise InputError(
            f"{raw.path}: labels: {numbers[odd][0]:g} is no class, expected whole numbers from 0, "
            f"or intensities from -3 to 3"
        )
    if not known.all():
        raw.notes.append(f"{(~known).sum()} utterances have no label")
    return np.where(known, numbers, UNLABELLED).astype(np.int64)


def _sentiment(raw: RawSet, labels: np.ndarray, dataset: Published | None) -> Classes:
    if dataset is None or not dataset.to_sentiment:
        raise InputError(
            f"{raw.path}: --labels sentiment: this file has no sentiments and none follow from its "
            f"labels; leave the option out"
        )
    raw.notes.append(
        "sentiments follow from emotions as in GraphSmile: "
        + ", ".join(
            f"{name} is {dataset.sentiment_names[value]}"
            for name, value in zip(dataset.label_names, dataset.to_sentiment, strict=True)
        )
    )
    table = np.array([*dataset.to_sentiment, UNLABELLED])  # -1 reads the last
    return Classes(table[labels], dataset.sentiment_names)


def _names(raw: RawSet, labels: np.ndarray, dataset: Published | None) -> tuple[str, ...]:
    if raw.sentiment:
        return dataset.sentiment_names if dataset else _numbered(raw, labels)
    if dataset is DAILY_DIALOG:
        return _daily_dialog(raw, labels)
    return dataset.label_names if dataset else _numbered(raw, labels)


def _daily_dialog(raw: RawSet, labels: np.ndarray) -> tuple[str, ...]:
    """Name the classes by their sizes: the files number them in the order of a set of text."""
    count = int(labels.max(initial=-1)) + 1
    sizes = np.bincount(labels[labels >= 0], minlength=count).tolist()
    if sorted(sizes) != sorted(DAILY_DIALOG_CLASSES):
        raw.notes.append(
            "DailyDialog files number the emotions in an accidental order, kept in a file of its "
            "own (emotion_label_encoder.pkl): the classes have numbers for names"
        )
        return _numbered(raw, labels)
    raw.notes.append(
        "DailyDialog files number the emotions in an accidental order: the names were found by "
        "the published sizes of the classes"
    )
    return tuple(DAILY_DIALOG.label_names[DAILY_DIALOG_CLASSES.index(size)] for size in sizes)


def _numbered(raw: RawSet, labels: np.ndarray) -> tuple[str, ...]:
    sizes = np.bincount(labels[labels >= 0])
    absent = np.flatnonzero(sizes == 0)
    if absent.size:
        raw.notes.append(
            f"labels run from 0 to {len(sizes) - 1}, but no utterance has {_some(absent.tolist())}:"
            f" is a number wrong?"
        )
    return tuple(f"class {number}" for number in range(len(sizes)))


def _some(numbers: list[int]) -> str:
    more = f" and {len(numbers) - _SHOWN} more" if len(numbers) > _SHOWN else ""
    return ", ".join(map(str, numbers[:_SHOWN])) + more
