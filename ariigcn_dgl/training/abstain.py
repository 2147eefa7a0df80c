"""Leaving open what a run is not sure enough of: the bound on confidence, chosen on validation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ariigcn_dgl.training.metrics import score

COVERAGES = (1.0, 0.9, 0.8, 0.7)  # that `ariigcn evaluate` shows


@dataclass(frozen=True)
class Abstention:
    """From which confidence on utterances are answered, and what it does on validation.

    Confidence is the probability of the most probable class.

    Parameters
    ----------
    confidence : float
        Utterances below it are left open; 0: none is.
    answered, accuracy : float
        Share of validation's labelled utterances that is answered, and of these that is right,
        in percent.
    """

    confidence: float
    answered: float
    accuracy: float

    def leaves_open(self, probabilities: np.ndarray) -> np.ndarray:
        """Return which utterances, (...) bool, of probabilities (..., C), get no answer."""
        return probabilities.max(-1) < self.confidence

    def in_words(self, left_open: int, utterances: int) -> str:
        """Return how many utterances are left open, and what to expect of the others."""
        return (
            f"{left_open} of {utterances} left open, of a confidence below "
            f"{100 * self.confidence:.1f} %; on validation {self.answered:.1f} % are answered, "
            f"{self.accuracy:.1f} % of them right"
        )


def choose_abstention(coverage: float, probabilities: np.ndarray, labels: np.ndarray) -> Abstention:
    """Return the bound that answers a share of validation, or little more.

    It lies halfway between the least sure answer and the surest that is left open, so that
    rounding, which differs from batch to batch, turns none of them.

    Parameters
    ----------
    coverage : float
        The share, above 0 and up to 1; where it is all of them, nothing is left open, also of
        other utterances.
    probabilities : (N, C) array
        Of validation's labelled utterances; N > 0.
    labels : (N,) int array
        Their classes.

    Examples
    --------
    >>> import numpy as np
    >>> probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.5, 0.5]])
    >>> choose_abstention(0.5, probabilities, np.array([0, 1, 1, 0]))
    Abstention(confidence=0.75, answered=50.0, accuracy=50.0)
    """
    confidences = np.sort(probabilities.max(1))[::-1]
    # Less a billionth: 0.7 of ten are seven, though 0.7 * 10 in floating point may be more.
    count = max(1, math.ceil(coverage * len(confidences) - 1e-9))
    all_of_them = count == len(confidences)
    bound = 0.0 if all_of_them else float(confidences[count - 1 : count + 1].mean())
    kept = probabilities.max(1) >= bound
    hits = probabilities.argmax(1) == labels
    return Abstention(bound, 100 * float(kept.mean()), 100 * float(hits[kept].mean()))


def risk_coverage(
    validation: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    label_names: Sequence[str],
) -> list[Mapping[str, Any]]:
    """Return what answering less is worth on test, with bounds that validation chose.

    Parameters
    ----------
    validation, test : tuple of (N, C) and (N,) array
        Probabilities and classes of labelled utterances.
    label_names : sequence of str, length C

    Returns
    -------
    list of dict
        For each of `COVERAGES`: coverage, and answered, in percent of test's utterances, with
        the scores of `HEADLINE` on them; without where none is answered.
    """
    probabilities, labels = test
    found: list[Mapping[str, Any]] = []
    for coverage in COVERAGES:
        kept = ~choose_abstention(coverage, *validation).leaves_open(probabilities)
        row: dict[str, Any] = {"coverage": 100 * coverage, "answered": 100 * float(kept.mean())}
        if kept.any():
            row |= score(labels[kept], probabilities[kept].argmax(1), label_names).headline()
        found.append(row)
    return found
