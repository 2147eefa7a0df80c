"""What many seeds and a test over dialogues say about scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from ariigcn_dgl.training.drawn_dialogues import LEVEL, drawn_dialogues, interval

RESAMPLES = 9999


@dataclass(frozen=True)
class Summary:
    """Mean of one score over seeds.

    Parameters
    ----------
    mean : float
    sd : float or None
        Sample standard deviation; None of a single seed, as are the bounds.
    low, high : float or None
        Bounds of the 95 % confidence interval of the mean, by Student's t.
    """

    mean: float
    sd: float | None
    low: float | None
    high: float | None


def summarise(values: Sequence[float]) -> Summary:
    """Return mean, spread and confidence interval of a score over seeds.

    The interval tells how far other seeds might move the mean, not how far other test dialogues
    would: that is what `difference_interval` and `permutation_p` are for.

    Examples
    --------
    >>> summarise([60.0, 62.0]).sd
    1.4142135623730951
    """
    mean = float(np.mean(values))
    if len(values) == 1:
        return Summary(mean, None, None, None)
    sd = float(np.std(values, ddof=1))
    half = float(stats.t.ppf((1 + LEVEL) / 2, len(values) - 1)) * sd / len(values) ** 0.5
    return Summary(mean, sd, mean - half, mean + half)


def permutation_p(
    labels: np.ndarray,
    dialogues: np.ndarray,
    ours: np.ndarray,
    theirs: np.ndarray,
    *,
    resamples: int = RESAMPLES,
) -> float:
    """Return the two-sided p-value of two systems having the same weighted F1.

    Paired permutation test over dialogues: under the null hypothesis the two systems' predictions
    of a whole dialogue could be swapped. The statistic is the difference of the weighted F1,
    averaged over seeds; a swap exchanges a dialogue's predictions of all seeds together, since they
    are not independent of each other. Exact where all swaps are no more than `resamples`.

    Parameters
    ----------
    labels : (N,) int array
        True classes.
    dialogues : (N,) array
        Dialogue of each utterance: numbers or names.
    ours, theirs : (S, N) int array
        Predicted classes of each seed.
    resamples : int
        Most swaps to draw.

    Examples
    --------
    >>> truth, dialogues = np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1])
    >>> permutation_p(truth, dialogues, truth[None], truth[None])
    1.0
    """
    number = np.unique(dialogues, return_inverse=True)[1]
    if number.max() == 0:
        return 1.0  # swapping the only dialogue swaps the systems
    classes = 1 + int(max(labels.max(), ours.max(), theirs.max()))
    our_counts = _counts(labels, number, ours, classes)
    their_counts = _counts(labels, number, theirs, classes)
    our_total, their_total = our_counts.sum(0), their_counts.sum(0)
    swing = their_counts - our_counts
    support = np.bincount(labels, minlength=classes)

    def difference(x: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:
        swapped = np.moveaxis(x, axis, -1) >= len(swing)
        change = np.tensordot(swapped.astype(float), swing, axes=1)
        ours_now, theirs_now = our_total + change, their_total - change
        return _weighted_f1(ours_now, support) - _weighted_f1(theirs_now, support)

    places = np.arange(len(swing))  # a place from len(swing) on: theirs where ours should be
    result = stats.permutation_test(
        (places, places + len(swing)),
        difference,
        permutation_type="samples",
        vectorized=True,
        n_resamples=resamples,
        batch=1000,
        rng=0,
    )
    return float(result.pvalue)


def difference_interval(
    labels: np.ndarray,
    dialogues: np.ndarray,
    ours: np.ndarray,
    theirs: np.ndarray,
    *,
    resamples: int = RESAMPLES,
) -> tuple[float, float]:
    """Return the bounds of the 95 % interval of the difference in weighted F1, in percent.

    Percentiles of a bootstrap over dialogues: how far the difference, averaged over seeds, might
    move with other test dialogues. An interval much wider than the differences of interest says
    that the test split is too small to tell them.

    Parameters
    ----------
    labels, dialogues, ours, theirs
        See `permutation_p`.
    resamples : int
        Number of sets of dialogues to draw.

    Examples
    --------
    >>> truth, dialogues = np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1])
    >>> difference_interval(truth, dialogues, truth[None], 1 - truth[None])
    (100.0, 100.0)
    """
    number = np.unique(dialogues, return_inverse=True)[1]
    count, classes = number.max() + 1, 1 + int(max(labels.max(), ours.max(), theirs.max()))
    drawn = drawn_dialogues(count, resamples)
    support = np.zeros((count, classes))
    np.add.at(support, (number, labels), 1)

    def score(predictions: np.ndarray) -> np.ndarray:
        counts = _counts(labels, number, predictions, classes)
        return _weighted_f1(np.tensordot(drawn, counts, axes=1), drawn @ support)

    differences = 100 * (score(ours) - score(theirs))
    low, high = interval(differences)
    return float(low), float(high)


def _counts(
    labels: np.ndarray, dialogues: np.ndarray, predictions: np.ndarray, classes: int
) -> np.ndarray:
    """Return hits and predictions of each class, (dialogues, C, S, 2)."""
    counts = np.zeros((dialogues.max() + 1, classes, len(predictions), 2))
    for seed, predicted in enumerate(predictions):
        np.add.at(counts[:, :, seed, 0], (dialogues, predicted), predicted == labels)
        np.add.at(counts[:, :, seed, 1], (dialogues, predicted), 1)
    return counts


def _weighted_f1(counts: np.ndarray, support: np.ndarray) -> np.ndarray:
    """Return the weighted F1, averaged over seeds, of counts (..., C, S, 2), support (..., C)."""
    hits, predicted = counts[..., 0], counts[..., 1]
    f1 = 2 * hits / np.maximum(predicted + support[..., None], 1)
    share = support / support.sum(-1, keepdims=True)
    return (f1 * share[..., None]).sum(-2).mean(-1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values adjusted for their number (Holm 1979).

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values)
    factors = len(p_values) - np.arange(len(p_values))
    raised = np.minimum(np.maximum.accumulate(np.asarray(p_values)[order] * factors), 1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = raised
    return adjusted.tolist()
