"""Runs that were tested on the same utterances: differences, and all of them in one picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ariigcn_dgl import escape
from ariigcn_dgl.experiments.statistics import difference_interval
from ariigcn_dgl.plots import (
    COLOURS,
    FAINT,
    INK,
    LINE,
    add_axes,
    class_colours,
    dots,
    page_figure,
    short,
    styled,
    whole_numbers,
)
from ariigcn_dgl.report.curves import SCORE
from ariigcn_dgl.report.run_files import RunFiles
from ariigcn_dgl.report.scores import classes
from ariigcn_dgl.training.additive import class_rows, weighted_f1

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 460
DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)))  # where there are more runs than colours


@dataclass(frozen=True)
class Difference:
    """Weighted F1 on test against another run, in points, with its 95 % interval over dialogues."""

    points: float
    low: float
    high: float

    @property
    def told(self) -> bool:
        """Whether the test split is large enough to tell the runs apart: 0 is outside."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Group:
    """Runs that were tested on the same utterances.

    Parameters
    ----------
    dataset : str
        As the runs call it.
    places : sequence of int
        Of the runs, among all.
    differences : sequence of (Difference or None)
        Of each to the first of them, which has none.
    curves : Figure or None
        The validation score over epochs, of each run the mean over its seeds; None of one run, or
        without epochs.
    classes : Figure
        F1 of each class.
    """

    dataset: str
    places: Sequence[int]
    differences: Sequence[Difference | None]
    curves: Figure | None
    classes: Figure


def together(runs: Sequence[RunFiles]) -> list[Group]:
    """Return the runs by what they were tested on, in the order in which they are named."""
    found: dict[tuple, list[int]] = defaultdict(list)
    for place, run in enumerate(runs):
        tested = run.seeds[0].predictions
        key = (*run.labels, *tested.utterances, *tested.dialogues, *tested.labels)
        found[key].append(place)
    return [_group(runs, places) for places in found.values()]


def _group(runs: Sequence[RunFiles], places: Sequence[int]) -> Group:
    members = [runs[place] for place in places]
    names = dict.fromkeys(run.record["dataset"] for run in members)
    curves = _curves(members) if len(members) > 1 else None
    return Group(
        ", ".join(names),
        places,
        [None, *(difference(run, members[0]) for run in members[1:])],
        curves,
        _classes(members),
    )


def difference(run: RunFiles, reference: RunFiles) -> Difference:
    """Return how much better a run is than another on the same test utterances."""
    means = [
        float(np.mean([seed.record["test"]["weighted_f1"] for seed in one.seeds]))
        for one in (run, reference)
    ]
    tested = reference.seeds[0].predictions
    ours, theirs = (
        np.stack(
            [class_rows(tested.labels, seed.predictions.classes, len(run.labels)) for seed in seeds]
        )
        for seeds in (run.seeds, reference.seeds)
    )
    low, high = difference_interval(tested.dialogues, ours, theirs, weighted_f1)
    return Difference(means[0] - means[1], low, high)


@styled()
def _curves(runs: Sequence[RunFiles]) -> Figure | None:
    height = 250
    figure = page_figure(WIDTH, height)
    axis = add_axes(figure, 36, 10, WIDTH - 12, height - 38)
    drawn = [_mean_curve(run) for run in runs]
    if not any(drawn):
        return None
    for place, points in enumerate(drawn):
        if points:
            dashes = DASHES[place // len(COLOURS) % len(DASHES)]
            axis.plot(
                *zip(*points, strict=True),
                color=COLOURS[place % len(COLOURS)],
                linestyle=dashes,
                solid_capstyle="round",
            )
            dots(axis, points[-1:], COLOURS[place % len(COLOURS)], 6, zorder=3)
    axis.margins(x=0.02, y=0.06)
    axis.set_xlabel("epoch")
    whole_numbers(axis, nbins=9)
    axis.locator_params("y", nbins=5)
    axis.grid(axis="y")
    return figure


def _mean_curve(run: RunFiles) -> list[tuple[int, float]]:
    """Return the mean validation score of the seeds in each epoch that all of them reached."""
    scores: dict[int, list[float]] = defaultdict(list)
    for seed in run.seeds:
        for record in seed.history:
            if SCORE in record:
                scores[record["epoch"]].append(record[SCORE])
    return [
        (epoch, float(np.mean(found)))
        for epoch, found in sorted(scores.items())
        if len(found) == len(run.seeds)
    ]


@styled()
def _classes(runs: Sequence[RunFiles]) -> Figure:
    """Draw F1 by class: of one run a bar in the emotion's colour, of several a dot for each."""
    rows = [classes(run) for run in runs]
    names = [row["label"] for row in rows[0]]
    tested = [bool(row["support"]) for row in rows[0]]  # the same for all: the same utterances
    height = 44 + 26 * len(names)
    figure = page_figure(WIDTH, height)
    axis = add_axes(figure, 118, 4, WIDTH - 30, height - 36)
    axis.grid(axis="x")
    for place, of_run in enumerate(rows):
        means = [row["f1"].mean for row in of_run]
        if len(runs) == 1:
            axis.barh(range(len(names)), means, 0.62, color=class_colours(names))
            for line, mean in enumerate(means):
                if tested[line]:
                    axis.text(mean + 1.5, line, f"{mean:.0f}", va="center", color=INK)
        else:
            points = [(mean, line) for line, mean in enumerate(means) if tested[line]]
            dots(axis, points, COLOURS[place % len(COLOURS)], 9, opacity=0.9, zorder=3)
    for line in range(len(names)) if len(runs) > 1 else ():
        axis.axhline(line, color=LINE, linewidth=1)
    for line in (line for line, known in enumerate(tested) if not known):
        axis.text(1.5, line, "– no test utterance", va="center", color=FAINT)
    axis.set(xlim=(0, 100), ylim=(len(names) - 0.5, -0.5), xlabel="F1, percent")
    axis.set_yticks(range(len(names)), [escape.figure(short(name, 17)) for name in names])
    axis.set_xticks(range(0, 101, 20))
    return figure
