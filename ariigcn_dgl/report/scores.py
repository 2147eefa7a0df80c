"""The numbers of runs: headline table, classes, confusion, calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ariigcn_dgl.experiments.statistics import Summary, summarise
from ariigcn_dgl.plots import ACCENT, INK, LINE, add_axes, dots, page_figure, styled
from ariigcn_dgl.report.calibration import diagram, in_words
from ariigcn_dgl.report.run_files import RunFiles
from ariigcn_dgl.training.calibration import Bin, expected_calibration_error, reliability
from ariigcn_dgl.training.metrics import HEADLINE, PER_CLASS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STRIP = (200, 18)  # width and height of the strip of dots
LEAST = 5.0  # points that the strip spans: what differs by less shall not look different


@dataclass(frozen=True)
class Headline:
    """Scores of a run: of every seed, and over seeds.

    Parameters
    ----------
    rows : sequence of (seed, "epoch of epochs", validation weighted F1, test scores)
    validation : Summary
    test : sequence of Summary
        In the order of `HEADLINE`.
    strip : Figure
        The seeds' test weighted F1 as dots, their mean as a line.
    """

    rows: Sequence[tuple[int, str, float, Sequence[float]]]
    validation: Summary
    test: Sequence[Summary]
    strip: Figure


def headlines(runs: Sequence[RunFiles]) -> tuple[list[Headline], tuple[float, float]]:
    """Return the headline of every run, and the ends of the axis that their strips share."""
    scores = [seed.record["test"]["weighted_f1"] for run in runs for seed in run.seeds]
    low, high = min(scores), max(scores)
    half = max(1.12 * (high - low), LEAST) / 2  # with some room beside the outermost dots
    ends = ((low + high) / 2 - half, (low + high) / 2 + half)
    return [_headline(run, ends) for run in runs], ends


def _headline(run: RunFiles, ends: tuple[float, float]) -> Headline:
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
        _strip([row[0] for row in test], summaries[0].mean, ends),
    )


@styled()
def _strip(scores: Sequence[float], mean: float, ends: tuple[float, float]) -> Figure:
    width, height = STRIP
    figure = page_figure(width, height)
    axis = add_axes(figure, 0, 0, width, height)
    axis.set_axis_off()
    axis.axhline(0, color=LINE, linewidth=1)
    dots(axis, [(score, 0) for score in scores], ACCENT, 7, opacity=0.6)
    if len(scores) > 1:
        axis.plot([mean, mean], [-0.7, 0.7], color=INK, linewidth=2)
    axis.set_xlim(*ends)
    axis.set_ylim(-1, 1)
    return figure


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
    error_before : Summary or None
        Before the temperature; None where a seed has none.
    confidence_before : float or None
    figure : Figure
        A reliability diagram.
    text : str
        What it says, in words.
    """

    bins: Sequence[Bin]
    error: Summary
    confidence: float
    accuracy: float
    error_before: Summary | None
    confidence_before: float | None
    figure: Figure
    text: str


def calibration(run: RunFiles) -> Calibration:
    """Return the calibration on the labelled test utterances."""
    found = [seed.predictions for seed in run.seeds]
    hits = [one.hits for one in found]
    after = [one.confidences for one in found]
    before = [one.before for one in found if one.before is not None]
    known = len(before) == len(found)
    bins = _pooled(after, hits)
    return Calibration(
        bins,
        _error(after, hits),
        100 * float(np.concatenate(after).mean()),
        100 * float(np.concatenate(hits).mean()),
        _error(before, hits) if known else None,
        100 * float(np.concatenate(before).mean()) if known else None,
        diagram(bins, _pooled(before, hits) if known else ()),
        in_words(bins),
    )


def _error(confidences: Sequence[np.ndarray], hits: Sequence[np.ndarray]) -> Summary:
    bins = [reliability(*one) for one in zip(confidences, hits, strict=True)]
    return summarise([100 * expected_calibration_error(one) for one in bins])


def _pooled(confidences: Sequence[np.ndarray], hits: Sequence[np.ndarray]) -> list[Bin]:
    return reliability(np.concatenate(confidences), np.concatenate(hits))
