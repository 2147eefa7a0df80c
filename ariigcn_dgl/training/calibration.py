"""Probabilities that are as sure as they are right: a temperature for each seed, and its error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

# Beyond these validation sets no bound: it is all right (colder would always be better) or no
# better than chance (hotter would be). AR-IIGCN has 1.7 on MELD and 2.4 on IEMOCAP.
COLDEST, HOTTEST = 0.1, 10.0
BINS = 10  # of the error, of equal width; those of the diagram, so that both say the same
_SMALLEST = float(np.finfo(np.float32).tiny)  # what a probability of 0 was before it was rounded


def fit_temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    r"""Return the temperature T with the least negative log-likelihood (Guo 2017, Section 4.2).

    .. math:: -\frac{1}{N} \sum_n \log \mathrm{softmax}(z_n / T)_{y_n}

    Convex in 1 / T, so that there is one minimum. A factor and an offset for each class (vector
    scaling) fit better what they were fitted to, and worse what was held out
    (docs/calibration.md).

    Parameters
    ----------
    probabilities : (N, C) array
        Softmax of the logits z, of validation; N > 0.
    labels : (N,) int array
        True classes.

    Examples
    --------
    Always 90 % sure and in four of five cases right: 80 % it is.

    >>> import numpy as np
    >>> sure = np.full((5, 2), [0.9, 0.1])
    >>> temperature = fit_temperature(sure, np.array([0, 0, 0, 0, 1]))
    >>> calibrated(sure, temperature)[0].round(3).tolist()
    [0.8, 0.2]
    """
    logits = np.log(np.maximum(probabilities.astype(np.float64), _SMALLEST))
    rows = np.arange(len(labels))

    def loss(coldness: float) -> float:
        return -float(log_softmax(coldness * logits, axis=1)[rows, labels].mean())

    found = minimize_scalar(loss, bounds=(1 / HOTTEST, 1 / COLDEST), method="bounded")
    return 1 / float(found.x)


def calibrated(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    r"""Return the softmax of logits divided by a temperature, given the softmax of the logits.

    The most probable class stays the same, bit for bit: powers in float64 keep any two numbers of
    float32 in their order.

    Parameters
    ----------
    probabilities : (..., C) array
    temperature : float
        1: as they were.

    Returns
    -------
    (..., C) float64 array

    Examples
    --------
    >>> import numpy as np
    >>> calibrated(np.array([0.8, 0.2]), 2.0).round(3).tolist()
    [0.667, 0.333]
    """
    powers = probabilities.astype(np.float64) ** (1 / temperature)
    return powers / powers.sum(-1, keepdims=True)


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
    r"""Return the ECE (Guo 2017, Equation 3; Naeini 2015), from 0 to 1.

    .. math:: \sum_b \frac{n_b}{N} |\mathrm{acc}_b - \mathrm{conf}_b|

    Over the bins of `reliability`: by the probability of the predicted class, `BINS` of equal
    width unless told otherwise.

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


def calibration_errors(
    before: np.ndarray, after: np.ndarray, labels: np.ndarray
) -> dict[str, float]:
    """Return the ECE, in percent, of probabilities before and after the temperature.

    Parameters
    ----------
    before, after : (N, C) array
        Of labelled utterances.
    labels : (N,) int array
        Their classes.
    """
    return {
        "before": calibration_error(before, labels),
        "after": calibration_error(after, labels),
    }


def calibration_error(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the ECE, in percent, of the probabilities, (N, C), of labelled utterances.

    Examples
    --------
    >>> import numpy as np
    >>> calibration_error(np.array([[0.75, 0.25]]), np.array([0]))
    25.0
    """
    hits = probabilities.argmax(1) == labels
    return 100 * expected_calibration_error(reliability(probabilities.max(1), hits))
