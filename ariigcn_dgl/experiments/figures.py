"""Pictures of a study's results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np

from ariigcn_dgl import escape
from ariigcn_dgl.experiments.results import Results, RowResult
from ariigcn_dgl.plots import ACCENT, COLOURS, INK, dots, new_figure, save, short, styled
from ariigcn_dgl.training.scoring import flat

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS = (".png", ".pdf")  # to look at, and for a paper
LONGEST = 40  # letters of a name
LETTERS = 64  # of a line of the title


@styled()
def draw(results: Results, folder: Path) -> str:
    """Draw the scores, and confusion matrices of classes; return a line that says where they are.

    Parameters
    ----------
    results : Results
    folder : Path
    """
    done = [row for row in results.rows if row.done]
    if not done:
        return "no figures, nothing was scored"
    pictures = {_name(results): scores_figure(results)}
    if results.has_classes:
        pictures["confusion"] = _confusions(done)
    for name, figure in pictures.items():
        for kind in KINDS:
            save(figure, folder / f"{name}{kind}")
    return f"figures, as .png and .pdf: {', '.join(pictures)}"


@styled()
def scores_figure(results: Results) -> Figure:
    """Return a picture of the scores of a study of which something was scored.

    A study with an axis gets a curve, any other one line a setting, both with 95 % intervals over
    seeds.
    """
    done = [row for row in results.rows if row.done]
    return (_curve if _name(results) == "curve" else _dots)(results, done)


def _name(results: Results) -> str:
    placed = any(row.x is not None for row in results.rows if row.done)
    return "curve" if results.axis and placed else "scores"


def _curve(results: Results, rows: Sequence[RowResult]) -> Figure:
    figure = new_figure(6.4, 4.2)
    axis = figure.subplots()
    groups = dict.fromkeys(row.group for row in rows if row.x is not None)
    for group, colour in zip(groups, COLOURS, strict=False):
        points = [(row.x, row) for row in rows if row.x is not None and row.group == group]
        points.sort(key=lambda point: point[0])
        means = [(x, row.summary(results.metric).mean) for x, row in points]
        axis.plot(*zip(*means, strict=True), color=colour, label=escape.figure(group) or None)
        dots(axis, means, colour, 6, zorder=3)
        for (x, mean), (_, row) in zip(means, points, strict=True):
            half = _half_interval(row, results)
            axis.plot([x, x], [mean - half, mean + half], color=colour, linewidth=1)
    for row in rows:
        if row.x is None:
            level = row.summary(results.metric).mean
            axis.axhline(level, ls="--", color=ACCENT, label=escape.figure(row.name))
    places = sorted({row.x for row in rows if row.x is not None})
    if places[-1] >= 8 * max(places[0], 1):
        axis.set_xscale("log", base=2)
    axis.set_xticks(places, [f"{place:g}" for place in places])
    axis.set_xlabel(escape.figure(results.axis))
    axis.set_ylabel(_score(results))
    axis.grid()
    if axis.get_legend_handles_labels()[1]:
        axis.legend()
    return _titled(figure, results)


def _dots(results: Results, rows: Sequence[RowResult]) -> Figure:
    """Draw points, not bars: the axis does not begin at 0."""
    figure = new_figure(6.4, 1.2 + 0.32 * len(rows))
    axis = figure.subplots()
    for place, row in enumerate(rows):
        colour = ACCENT if row.name == results.baseline else INK
        mean, half = row.summary(results.metric).mean, _half_interval(row, results)
        axis.plot([mean - half, mean + half], [place, place], color=colour, linewidth=1.2)
        seeds = [(flat(test)[results.metric], place) for test in row.tests]
        dots(axis, seeds, colour, 4, opacity=0.35)
        dots(axis, [(mean, place)], colour, 7, zorder=3)
    axis.set_yticks(range(len(rows)), [escape.figure(short(row.name, LONGEST)) for row in rows])
    axis.set_ylim(len(rows) - 0.4, -0.6)
    axis.grid(axis="x")
    axis.set_xlabel(_score(results))
    return _titled(figure, results)


def _score(results: Results) -> str:
    score = results.score
    notes = [", percent"] if score.is_percentage else []
    notes += [", the lower the better"] if score.better == "lower" else []
    return f"{score.title} on test{''.join(notes)}"


def _half_interval(row: RowResult, results: Results) -> float:
    summary = row.summary(results.metric)
    return 0.0 if summary.high is None else summary.high - summary.mean


def _titled(figure: Figure, results: Results) -> Figure:
    """Write the title over the whole width, in lines: behind long names there is no room."""
    title = short(f"{results.title}, {results.data_name}", 3 * LETTERS)
    lines = [escape.figure(line) for line in wrap(title, LETTERS)]
    figure.suptitle("\n".join(lines), x=0.01, ha="left", fontsize=11)
    return figure


def _confusions(rows: Sequence[RowResult]) -> Figure:
    """Draw what became of each true class, in percent, over all seeds."""
    columns = min(3, len(rows))
    lines = -(-len(rows) // columns)
    figure = new_figure(3.6 * columns, 3.4 * lines)
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    for axis, row in zip(axes, rows, strict=False):
        names = [escape.figure(one["label"]) for one in row.per_class()]
        counts = np.sum([test["confusion"] for test in row.tests], axis=0)
        share = 100 * counts / np.maximum(counts.sum(1, keepdims=True), 1)
        axis.imshow(share, cmap="Blues", vmin=0, vmax=100)
        for (true, predicted), value in np.ndenumerate(share):
            colour = "white" if value > 71 else "black"  # either has a contrast of 4.5 there
            text = f"{value:.0f}"
            axis.text(predicted, true, text, ha="center", va="center", fontsize=7, color=colour)
        axis.set_xticks(range(len(names)), names, rotation=45, ha="right", fontsize=7)
        axis.set_yticks(range(len(names)), names, fontsize=7)
        axis.set_title(escape.figure(row.name), fontsize=9)
        axis.set_xlabel("predicted", fontsize=7)
        axis.set_ylabel("true", fontsize=7)
    for axis in axes[len(rows) :]:
        axis.set_axis_off()
    return figure
