"""What a bundle scores on a test split: measured from its file, with intervals over dialogues."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

import numpy as np

from ariigcn_dgl.data import UNLABELLED, Dialogues
from ariigcn_dgl.training.additive import CLASS_SCORES, class_f1, class_rows
from ariigcn_dgl.training.calibration import calibration_error
from ariigcn_dgl.training.drawn_dialogues import drawn_dialogues, interval, of_groups
from ariigcn_dgl.training.metrics import score
from ariigcn_dgl.training.scoring import Scoring
from ariigcn_dgl.training.target_kinds import TARGET_KINDS

RESAMPLES = 2000  # sets of dialogues: bounds are then known to about a tenth of a point


class Interval(TypedDict):
    """A score, and its 95 % interval over dialogues like these: in percent, or of a metric."""

    score: float
    low: float
    high: float


class ClassInterval(Interval):
    """F1 of one class."""

    label: str
    utterances: int


class TargetScores(TypedDict):
    """What is scored of one target on one split: by the names of its metrics."""

    dialogues: int
    utterances: int
    scores: dict[str, Interval]


class SplitScores(TypedDict):
    """What is scored of classes on one split."""

    dialogues: int
    utterances: int
    headline: dict[str, Interval]
    per_class: list[ClassInterval]
    calibration_error: float


def measured(scoring: Scoring, dialogues: Dialogues, answers: np.ndarray) -> dict[str, Any] | None:
    """Return what a bundle says of a split; None where of some target nothing is known.

    Parameters
    ----------
    scoring : Scoring
        The targets of its runs.
    dialogues : Dialogues
        With these targets.
    answers : (N, width) array

    Returns
    -------
    dict
        `SplitScores` of the set's classes, where there are some; in ``targets`` `TargetScores` of
        the others.
    """
    if not scoring.scorable(dialogues):
        return None
    found = dict[str, Any]()
    if scoring.classes is not None:
        found |= split_scores(dialogues, scoring.of_classes(answers), scoring.classes.names)
    if not scoring.plain:
        found["targets"] = target_scores(scoring, dialogues, answers)
    return found


def target_scores(
    scoring: Scoring, dialogues: Dialogues, answers: np.ndarray
) -> dict[str, TargetScores]:
    """Return the scores of the targets beside classes, by name, with intervals as `split_scores`.

    The parameters are those of `measured`.
    """
    of_dialogue = dialogues.row_dialogues
    found: dict[str, TargetScores] = {}
    for spec, place in scoring.others():
        target, kind = dialogues.targets[spec.name], TARGET_KINDS[spec.kind]
        rows = np.flatnonzero(target.known)
        drawable, number = np.unique(of_dialogue[rows], return_inverse=True)
        known = target.values[rows], answers[rows, place]
        draws = drawn_dialogues(len(drawable), RESAMPLES).astype(float)
        bounds = dict[str, np.ndarray]()
        for metric in kind.metrics(spec):
            adds, of_sums = kind.additive(spec, metric.name)
            bounds[metric.name] = interval(of_sums(draws @ of_groups(number, adds(*known))))
        scores = kind.score(spec, *known)
        found[spec.name] = {
            "dialogues": len(drawable),
            "utterances": len(rows),
            "scores": {name: _interval(value, bounds[name]) for name, value in scores.items()},
        }
    return found


def split_scores(
    dialogues: Dialogues, probabilities: np.ndarray, label_names: Sequence[str]
) -> SplitScores:
    """Return scores with intervals: percentiles over sets of dialogues drawn with replacement.

    Parameters
    ----------
    dialogues : Dialogues
        With the classes of the run; unlabelled utterances do not count.
    probabilities : (N, C) array
    label_names : sequence of str, length C
    """
    known = dialogues.labels != UNLABELLED
    labels, said = dialogues.labels[known], probabilities[known]
    found = said.argmax(1)
    number = np.unique(dialogues.row_dialogues[known], return_inverse=True)[1]
    sums = of_groups(number, class_rows(labels, found, len(label_names)))
    drawn = drawn_dialogues(len(sums), RESAMPLES).astype(float) @ sums
    bounds = {name: interval(of_sums(drawn)) for name, of_sums in CLASS_SCORES.items()}
    of_classes = interval(class_f1(drawn))
    scores = score(labels, found, label_names)
    return {
        "dialogues": len(sums),
        "utterances": len(labels),
        "headline": {
            name: _interval(value, bounds[name]) for name, value in scores.headline().items()
        },
        "per_class": [
            {
                "label": label,
                "utterances": int((labels == c).sum()),
                **_interval(float(scores.per_class[c]["f1"]), of_classes[:, c]),
            }
            for c, label in enumerate(label_names)
        ],
        "calibration_error": calibration_error(said, labels),
    }


def _interval(value: float, bounds: np.ndarray) -> Interval:
    return {"score": value, "low": float(bounds[0]), "high": float(bounds[1])}
