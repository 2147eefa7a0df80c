"""Whether a run is as sure as it is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ariigcn_dgl.plots import ACCENT, FAINT, add_axes, dots, page_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS = 10
WIDTH, HEIGHT = 320, 330


@dataclass(frozen=True)
class Bin:
    """Utterances whose confidence lies in one interval, ``low < confidence <= high``.

    Parameters
    ----------
    low, high : float
    count : int
    confidence, accuracy : float
        Mean confidence, and share of hits; nan in an empty bin.
    """

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


def reliability(confidences: np.ndarray, hits: np.ndarray, bins: int = BINS) -> list[Bin]:
    """Return the bins of a reliability diagram, of equal width.

    Parameters
    ----------
    confidences : (N,) float array
        Probability of the predicted class, in [0, 1].
    hits : (N,) bool array
        Whether it is the true class.
    bins : int
    """
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.searchsorted(edges, confidences, side="left") - 1, 0, bins - 1)
    found = []
    for b in range(bins):
        inside = place == b
        count = int(inside.sum())
        means = (float(x[inside].mean()) if count else float("nan") for x in (confidences, hits))
        found.append(Bin(float(edges[b]), float(edges[b + 1]), count, *means))
    return found


def expected_calibration_error(bins: Sequence[Bin]) -> float:
    r"""Return the ECE (Guo 2017), from 0 to 1.

    .. math:: \sum_b \frac{n_b}{N} |\mathrm{acc}_b - \mathrm{conf}_b|

    Examples
    --------
    >>> import numpy as np
    >>> bins = reliability(np.array([0.95, 0.95]), np.array([True, False]))
    >>> round(expected_calibration_error(bins), 2)
    0.45
    """
    filled = [one for one in bins if one.count]
    total = sum(one.count for one in filled)
    return sum(one.count * abs(one.accuracy - one.confidence) for one in filled) / max(total, 1)


@styled()
def diagram(bins: Sequence[Bin]) -> Figure:
    """Draw a reliability diagram in percent, and how many utterances each bin holds beneath."""
    filled = [one for one in bins if one.count]
    lefts, width = [100 * one.low for one in filled], 100 / len(bins) - 0.6  # gaps between bars
    shares = [100 * one.accuracy for one in filled]
    counts = [one.count for one in filled]
    figure = page_figure(WIDTH, HEIGHT)
    above = add_axes(figure, 40, 10, WIDTH - 12, 240)
    above.bar(lefts, shares, width, align="edge", color=ACCENT, alpha=0.22)
    above.plot([0, 100], [0, 100], color=FAINT, linewidth=1, linestyle=(0, (4, 4)))
    dots(above, [(100 * one.confidence, 100 * one.accuracy) for one in filled], ACCENT, 7, zorder=3)
    above.set(ylim=(0, 100), xticks=[], yticks=range(0, 101, 25))
    above.grid(axis="y")
    beneath = add_axes(figure, 40, 250, WIDTH - 12, 296)
    beneath.bar(lefts, counts, width, align="edge", color=FAINT, alpha=0.6)
    beneath.set(yticks=[], xticks=range(0, 101, 25), xlabel="confidence, percent")
    for axis in (above, beneath):
        axis.set_xlim(0, 100)
        axis.spines["bottom"].set_visible(True)
    return figure


def in_words(bins: Sequence[Bin]) -> str:
    """Return what the diagram says."""
    return "; ".join(
        f"confidence {100 * one.confidence:.0f} %, right {100 * one.accuracy:.0f} %"
        for one in bins
        if one.count
    )
