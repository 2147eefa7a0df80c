"""The numbers of runs: headline table, classes, confusion, calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ariigcn_dgl.experiments.statistics import Summary, summarise
from ariigcn_dgl.report.axis import Axis, around
from ariigcn_dgl.report.calibration import Bin, expected_calibration_error, reliability
from ariigcn_dgl.report.run_files import RunFiles
from ariigcn_dgl.training.metrics import HEADLINE

TITLES = {"weighted_f1": "weighted F1", "accuracy": "accuracy", "macro_f1": "macro F1"}
PER_CLASS = ("precision", "recall", "f1")
STRIP = (4, 196)  # left and right end of the strip of dots, in its own units


@dataclass(frozen=True)
class Headline:
    """Scores of a run: of every seed, and over seeds.

    Parameters
    ----------
    rows : sequence of (seed, "epoch of epochs", validation weighted F1, test scores)
    validation : Summary
    test : sequence of Summary
        In the order of `HEADLINE`.
    dots : sequence of float
        Places of the seeds' test weighted F1 on the strip; `mean` is that of their mean.
    """

    rows: Sequence[tuple[int, str, float, Sequence[float]]]
    validation: Summary
    test: Sequence[Summary]
    dots: Sequence[float]
    mean: float


def headlines(runs: Sequence[RunFiles]) -> tuple[list[Headline], Axis]:
    """Return the headline of every run, and the axis that their strips share."""
    scores = [seed.record["test"]["weighted_f1"] for run in runs for seed in run.seeds]
    axis = around(scores, *STRIP, least=5.0)
    return [_headline(run, axis) for run in runs], axis


def _headline(run: RunFiles, axis: Axis) -> Headline:
    records = [seed.record for seed in run.seeds]
    val = [record["val"]["weighted_f1"] for record in records]
    test = [[record["test"][name] for name in HEADLINE] for record in records]
    kept = [f"{record['best_epoch']} of {record.get('epochs', '?')}" for record in records]
    numbers = [seed.number for seed in run.seeds]
    summaries = [summarise(column) for column in zip(*test, strict=True)]
    return Headline(
        list(zip(numbers, kept, val, test, strict=True)),
        summarise(val),
        summaries,
        [axis(row[0]) for row in test],
        axis(summaries[0].mean),
    )


def classes(run: RunFiles) -> list[dict[str, Any]]:
    """Return a row a class: label, support, and the `Summary` of precision, recall and F1."""
    of_seed = [seed.record["test"]["per_class"] for seed in run.seeds]
    return [
        {"label": rows[0]["label"], "support": rows[0]["support"]}
        | {name: summarise([row[name] for row in rows]) for name in PER_CLASS}
        for rows in zip(*of_seed, strict=True)
    ]


def confusion(run: RunFiles) -> list[list[tuple[int, float]]]:
    """Return count and percent of the true class, (C, C), over all seeds."""
    counts = np.sum([seed.record["test"]["confusion"] for seed in run.seeds], axis=0)
    share = 100 * counts / np.maximum(counts.sum(1, keepdims=True), 1)
    pairs = zip(counts.tolist(), share.tolist(), strict=True)
    return [list(zip(*row, strict=True)) for row in pairs]


@dataclass(frozen=True)
class Calibration:
    """How sure a run is and how often it is right, over all seeds.

    Parameters
    ----------
    bins : sequence of Bin
    error : Summary
        Expected calibration error of each seed, in percent.
    confidence, accuracy : float
        Means, in percent.
    """

    bins: Sequence[Bin]
    error: Summary
    confidence: float
    accuracy: float


def calibration(run: RunFiles) -> Calibration:
    """Return the calibration on the labelled test utterances."""
    found = [seed.predictions for seed in run.seeds]
    errors = [
        100 * expected_calibration_error(reliability(one.confidences, one.hits)) for one in found
    ]
    confidences = np.concatenate([one.confidences for one in found])
    hits = np.concatenate([one.hits for one in found])
    return Calibration(
        reliability(confidences, hits),
        summarise(errors),
        100 * float(confidences.mean()),
        100 * float(hits.mean()),
    )
