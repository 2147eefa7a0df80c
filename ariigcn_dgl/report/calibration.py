"""Whether a run is as sure as it is right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ariigcn_dgl.plots import ACCENT, FAINT, add_axes, dots, page_figure, styled
from ariigcn_dgl.training.calibration import Bin

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 320, 330


@styled()
def diagram(bins: Sequence[Bin], before: Sequence[Bin] = ()) -> Figure:
    """Draw a reliability diagram in percent, and how many utterances each bin holds beneath.

    Grey dots are of the bins before a temperature.
    """
    filled = [one for one in bins if one.count]
    lefts, width = [100 * one.low for one in filled], 100 / len(bins) - 0.6  # gaps between bars
    shares = [100 * one.accuracy for one in filled]
    counts = [one.count for one in filled]
    figure = page_figure(WIDTH, HEIGHT)
    above = add_axes(figure, 40, 10, WIDTH - 12, 240)
    above.bar(lefts, shares, width, align="edge", color=ACCENT, alpha=0.22)
    above.plot([0, 100], [0, 100], color=FAINT, linewidth=1, linestyle=(0, (4, 4)))
    dots(above, _points(before), FAINT, 7, zorder=2.5)
    dots(above, _points(bins), ACCENT, 7, zorder=3)
    above.set(ylim=(0, 100), xticks=[], yticks=range(0, 101, 25))
    above.grid(axis="y")
    beneath = add_axes(figure, 40, 250, WIDTH - 12, 296)
    beneath.bar(lefts, counts, width, align="edge", color=FAINT, alpha=0.6)
    beneath.set(yticks=[], xticks=range(0, 101, 25), xlabel="confidence, percent")
    for axis in (above, beneath):
        axis.set_xlim(0, 100)
        axis.spines["bottom"].set_visible(True)
    return figure


def _points(bins: Sequence[Bin]) -> list[tuple[float, float]]:
    return [(100 * one.confidence, 100 * one.accuracy) for one in bins if one.count]


def in_words(bins: Sequence[Bin]) -> str:
    """Return what the diagram says."""
    return "; ".join(
        f"confidence {100 * one.confidence:.0f} %, right {100 * one.accuracy:.0f} %"
        for one in bins
        if one.count
    )
