"""Class numbers and names out of the numbers of a file."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ariigcn_dgl.data.community.mmsa import sentiments, steps
from ariigcn_dgl.data.community.published import (
    CMU_MOSEI,
    DAILY_DIALOG,
    DAILY_DIALOG_CLASSES,
    Published,
)
from ariigcn_dgl.data.community.raw import RawSet
from ariigcn_dgl.data.dialogues import UNLABELLED
from ariigcn_dgl.errors import InputError

_MOST_CLASSES = 1000


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
        raw.notes.append("labels are intensities of sentiment, divided into 7 or 3 classes")
        divide, names = (steps, dataset.label_names)
        if sentiment:
            divide, names = sentiments, dataset.sentiment_names
        return Classes(_whole(raw, divide(numbers)), names)
    labels = _whole(raw, numbers)
    if sentiment:
        return _sentiment(raw, labels, dataset)
    return Classes(labels, raw.label_names or _names(raw, labels, dataset))


def _whole(raw: RawSet, numbers: np.ndarray) -> np.ndarray:
    known = np.isfinite(numbers) & (numbers >= 0)
    odd = known & ((numbers != np.floor(numbers)) | (numbers >= _MOST_CLASSES))
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
    table = np.array([*dataset.to_sentiment, UNLABELLED])
    return Classes(table[labels], dataset.sentiment_names)


def _names(raw: RawSet, labels: np.ndarray, dataset: Published | None) -> tuple[str, ...]:
    count = int(labels.max(initial=-1)) + 1
    if raw.sentiment:
        names = dataset.sentiment_names if dataset else ()
        return names if len(names) >= count else _numbered(count)
    if dataset is DAILY_DIALOG:
        return _daily_dialog(raw, labels)
    return dataset.label_names if dataset else _numbered(count)


def _daily_dialog(raw: RawSet, labels: np.ndarray) -> tuple[str, ...]:
    """Name the classes by their sizes: the files number them in the order of a set of text."""
    count = int(labels.max(initial=-1)) + 1
    sizes = np.bincount(labels[labels >= 0], minlength=count).tolist()
    if sorted(sizes) != sorted(DAILY_DIALOG_CLASSES):
        raw.notes.append(
            "DailyDialog files number the emotions in an accidental order, kept in a file of its "
            "own (emotion_label_encoder.pkl): the classes have numbers for names"
        )
        return _numbered(count)
    raw.notes.append(
        "DailyDialog files number the emotions in an accidental order: the names were found by "
        "the published sizes of the classes"
    )
    return tuple(DAILY_DIALOG.label_names[DAILY_DIALOG_CLASSES.index(size)] for size in sizes)


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(f"class {number}" for number in range(count))
