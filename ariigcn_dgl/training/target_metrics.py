"""Scores of numbers on a scale and of several labels at once, as their fields print them."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import accuracy_score, f1_score

from ariigcn_dgl.data.target_views import rounded


def mean_absolute_error(truth: np.ndarray, found: np.ndarray) -> float:
    """Return the mean of the absolute errors: the MAE of CMU-MOSI and MOSEI (Zadeh 2016).

    Examples
    --------
    >>> mean_absolute_error(np.array([1.0, -1.0]), np.array([2.0, -1.0]))
    0.5
    """
    return float(np.abs(truth - found).mean())


def pearson(truth: np.ndarray, found: np.ndarray) -> float:
    """Return Pearson's correlation (Corr in the tables of MOSI); 0 where one side is constant.

    Examples
    --------
    >>> round(pearson(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0])), 3)
    0.982
    """
    off, found_off = truth - truth.mean(), found - found.mean()
    spread = np.sqrt((off**2).sum() * (found_off**2).sum())
    return float((off * found_off).sum() / spread) if spread > 0 else 0.0


def concordance(truth: np.ndarray, found: np.ndarray) -> float:
    r"""Return the concordance correlation coefficient (Lin 1989), of dimensional emotion.

    .. math:: \frac{2 \sigma_{xy}}{\sigma_x^2 + \sigma_y^2 + (\mu_x - \mu_y)^2}

    with variances over N, as in AVEC and MuSe. Right order on a wrong scale is not enough for it.
    0 where both sides are one constant.

    Examples
    --------
    >>> round(concordance(np.array([1.0, 3.0]), np.array([3.0, 5.0])), 3)
    0.333
    """
    apart = float(truth.mean() - found.mean())
    total = float(truth.var() + found.var()) + apart**2
    shared = float(((truth - truth.mean()) * (found - found.mean())).mean())
    return 2 * shared / total if total > 0 else 0.0


def sign_scores(truth: np.ndarray, found: np.ndarray, *, zeros: bool) -> tuple[float, float]:
    """Return accuracy and F1, weighted by support, of the sign of a score, in percent.

    Parameters
    ----------
    truth, found : (N,) arrays
        Scores on a scale around 0.
    zeros : bool
        True: negative against non-negative (Zadeh 2017, TFN; "Has0" in MMSA). False: negative
        against positive, without the utterances whose true score is 0 (Tsai 2019, MulT; "Non0"),
        in which an answer of 0 counts as negative.

    Returns
    -------
    (accuracy, f1)
        0 where there is nothing to score.

    Examples
    --------
    >>> sign_scores(np.array([-1.0, 0.0, 2.0]), np.array([-1.0, -0.5, 1.0]), zeros=False)
    (100.0, 100.0)
    """
    if zeros:
        high, said = truth >= 0, found >= 0
    else:
        kept = truth != 0
        high, said = truth[kept] > 0, found[kept] > 0
    if not len(high):
        return 0.0, 0.0
    f1 = f1_score(high, said, average="weighted", zero_division=0)
    return 100 * float(accuracy_score(high, said)), 100 * float(f1)


def step_accuracy(truth: np.ndarray, found: np.ndarray, most: int) -> float:
    """Return the share of scores with the right nearest whole number, in percent.

    Acc-7 (most = 3) and Acc-5 (most = 2) of MulT's and MMSA's code: both sides are clipped to
    ± `most` and rounded, halves to the even number.

    Examples
    --------
    >>> step_accuracy(np.array([2.4, -3.0]), np.array([1.6, -2.4]), 3)
    50.0
    """
    return 100 * float((rounded(truth, most) == rounded(found, most)).mean())


def weighted_accuracy(truth: np.ndarray, found: np.ndarray) -> float:
    """Return the mean of the recall of those that have a label and of those that have it not.

    In percent: the WA of CMU-MOSEI's emotions (Zadeh 2018, after Tong 2017),
    ``(TP N / P + TN) / 2 N`` with N without and P with the label; the recall that there is, where
    all have it or none.

    Examples
    --------
    >>> round(weighted_accuracy(np.array([1, 0, 0, 0]), np.array([1, 0, 0, 1])), 2)
    83.33
    """
    recalls = [float((found[truth == value] == value).mean()) for value in np.unique(truth)]
    return 100 * sum(recalls) / len(recalls)


def label_f1(truth: np.ndarray, found: np.ndarray) -> float:
    """Return the F1 of having a label, in percent; 0 where nobody has or gets it.

    Examples
    --------
    >>> round(label_f1(np.array([1, 1, 0]), np.array([1, 0, 0])), 2)
    66.67
    """
    return 100 * float(f1_score(truth, found, zero_division=0))


def micro_f1(truth: np.ndarray, found: np.ndarray, known: np.ndarray) -> float:
    """Return the F1 over all known cells of (N, C) arrays, each a decision, in percent.

    Examples
    --------
    >>> round(micro_f1(np.array([[1, 0]]), np.array([[1, 1]]), np.array([[True, True]])), 2)
    66.67
    """
    return label_f1(truth[known], found[known])
