"""What many seeds and a test over dialogues say about scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from ariigcn_dgl.training.drawn_dialogues import LEVEL, drawn_dialogues, interval, of_groups

RESAMPLES = 9999
LEAST = 3  # values that an interval is made of


@dataclass(frozen=True)
class Summary:
    """Mean of one score over seeds.

    Parameters
    ----------
    mean : float
    sd : float or None
        Sample standard deviation; None of a single seed.
    low, high : float or None
        Bounds of the 95 % confidence interval of the mean, by Student's t; None of fewer than three
        seeds: two would give six times their distance to either side.
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
    if len(values) < LEAST:
        return Summary(mean, sd, None, None)
    half = float(stats.t.ppf((1 + LEVEL) / 2, len(values) - 1)) * sd / len(values) ** 0.5
    return Summary(mean, sd, mean - half, mean + half)


Score = Callable[[np.ndarray], np.ndarray]


def permutation_p(
    dialogues: np.ndarray,
    ours: np.ndarray,
    theirs: np.ndarray,
    score: Score,
    *,
    resamples: int = RESAMPLES,
) -> float:
    """Return the two-sided p-value of two systems having the same score.

    Paired permutation test over dialogues: under the null hypothesis the two systems' answers to a
    whole dialogue could be swapped. The statistic is the difference of the score, averaged over
    seeds; a swap exchanges a dialogue's answers of all seeds together, since they are not
    independent of each other. Exact where all swaps are no more than `resamples`.

    Parameters
    ----------
    dialogues : (N,) array
        Dialogue of each utterance: numbers or names.
    ours, theirs : (S, N, K) array
        What each seed's utterances add to the score (`ariigcn_dgl.training.additive`).
    score : callable
        Of sums over utterances, (..., K).
    resamples : int
        Most swaps to draw.

    Examples
    --------
    >>> from ariigcn_dgl.training.additive import class_rows, weighted_f1
    >>> truth, dialogues = np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1])
    >>> right = class_rows(truth, truth, 2)[None]
    >>> permutation_p(dialogues, right, right, weighted_f1)
    1.0
    """
    number = np.unique(dialogues, return_inverse=True)[1]
    if number.max() == 0:
        return 1.0  # swapping the only dialogue swaps the systems
    our_sums, their_sums = (of_groups(number, rows.swapaxes(0, 1)) for rows in (ours, theirs))
    our_total, their_total = our_sums.sum(0), their_sums.sum(0)
    swing = their_sums - our_sums

    def difference(x: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:
        swapped = np.moveaxis(x, axis, -1) >= len(swing)
        change = np.tensordot(swapped.astype(float), swing, axes=1)
        return (score(our_total + change) - score(their_total - change)).mean(-1)

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
    dialogues: np.ndarray,
    ours: np.ndarray,
    theirs: np.ndarray,
    score: Score,
    *,
    resamples: int = RESAMPLES,
) -> tuple[float, float]:
    """Return the bounds of the 95 % interval of the difference of two systems' scores.

    Percentiles of a bootstrap over dialogues: how far the difference, averaged over seeds, might
    move with other test dialogues. An interval much wider than the differences of interest says
    that the test split is too small to tell them.

    Parameters
    ----------
    dialogues, ours, theirs, score
        See `permutation_p`.
    resamples : int
        Number of sets of dialogues to draw.

    Examples
    --------
    >>> from ariigcn_dgl.training.additive import class_rows, weighted_f1
    >>> truth, dialogues = np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1])
    >>> right, wrong = (class_rows(truth, said, 2)[None] for said in (truth, 1 - truth))
    >>> difference_interval(dialogues, right, wrong, weighted_f1)
    (100.0, 100.0)
    """
    number = np.unique(dialogues, return_inverse=True)[1]
    drawn = drawn_dialogues(number.max() + 1, resamples)

    def scores(rows: np.ndarray) -> np.ndarray:
        return score(np.tensordot(drawn, of_groups(number, rows.swapaxes(0, 1)), axes=1)).mean(-1)

    low, high = interval(scores(ours) - scores(theirs))
    return float(low), float(high)


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
