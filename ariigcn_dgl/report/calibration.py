"""Whether a run is as sure as it is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BINS = 10


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
