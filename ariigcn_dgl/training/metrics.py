"""Scores of predictions, as the field reports them (Eq. 18-22)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import mean, stdev
from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support

TITLES = {"weighted_f1": "weighted F1", "accuracy": "accuracy", "macro_f1": "macro F1"}
HEADLINE = tuple(TITLES)
PER_CLASS = ("precision", "recall", "f1")


def spread(values: Sequence[float], decimals: int = 2) -> str:
    """Return mean ± sample standard deviation; the mean alone of one value.

    Examples
    --------
    >>> spread([60.0, 62.0])
    '61.00 ± 1.41'
    """
    if len(values) == 1:
        return f"{values[0]:.{decimals}f}"
    return f"{mean(values):.{decimals}f} ± {stdev(values):.{decimals}f}"


@dataclass(frozen=True)
class Scores:
    """Scores of one set of labelled utterances, in percent.

    Parameters
    ----------
    weighted_f1 : float
        F1 of the classes, weighted by support (the paper's WF1, Eq. 22).
    accuracy : float
        Share of correct utterances (the paper's WAA, Eq. 21).
    macro_f1 : float
        Unweighted mean of the F1 of the classes that occur, as label or as prediction.
    per_class : list of dict
        One row a class: label, precision, recall, f1, support.
    confusion : list of list of int, (C, C)
        Rows are true classes, columns predicted ones.
    """

    weighted_f1: float
    accuracy: float
    macro_f1: float
    per_class: list[dict[str, str | float | int]] = field(repr=False)
    confusion: list[list[int]] = field(repr=False)

    def __str__(self) -> str:
        """Return the three summary scores in words."""
        return ", ".join(f"{TITLES[name]} {value:.2f}" for name, value in self.headline().items())

    def headline(self) -> dict[str, float]:
        """Return the three summary scores."""
        return {name: getattr(self, name) for name in HEADLINE}

    def record(self) -> dict[str, Any]:
        """Return all scores as ``run.json`` has them."""
        return asdict(self)


def score(labels: np.ndarray, predictions: np.ndarray, label_names: Sequence[str]) -> Scores:
    """Score predictions against labels.

    Parameters
    ----------
    labels, predictions : (N,) int array
        Classes; unlabelled utterances must be left out.
    label_names : sequence of str, length C
        Names of the classes, in their order.

    Raises
    ------
    ValueError
        If there is nothing to score.

    Examples
    --------
    >>> import numpy as np
    >>> score(np.array([0, 0, 1]), np.array([0, 1, 1]), ["sad", "happy"]).confusion
    [[1, 1], [0, 1]]
    """
    if len(labels) == 0:
        raise ValueError("there is no labelled utterance to score")
    classes = np.arange(len(label_names))  # all of them, also those that do not occur here
    table = precision_recall_fscore_support(
        labels, predictions, labels=classes, average=None, zero_division=0
    )
    # A class that is never predicted has a precision of 0 (zero_division), and no warning.
    per_class = [
        {"label": label}
        | {name: 100 * float(column[c]) for name, column in zip(PER_CLASS, table, strict=False)}
        | {"support": int(table[3][c])}
        for c, label in enumerate(label_names)
    ]
    f1 = {
        average: 100 * float(f1_score(labels, predictions, average=average, zero_division=0))
        for average in ("weighted", "macro")
    }
    return Scores(
        weighted_f1=f1["weighted"],
        accuracy=100 * float(accuracy_score(labels, predictions)),
        macro_f1=f1["macro"],
        per_class=per_class,
        confusion=_confusion(labels, predictions, len(classes)).tolist(),
    )


def _confusion(labels: np.ndarray, predictions: np.ndarray, classes: int) -> np.ndarray:
    # scikit-learn's warns of a single class, and of labels that it was given.
    pairs = np.bincount(labels * classes + predictions, minlength=classes * classes)
    return pairs.reshape(classes, classes)
