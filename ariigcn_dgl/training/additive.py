"""Scores of sums over utterances: so dialogues can be drawn or swapped as a whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ariigcn_dgl.data.target_views import rounded

CLASS_SUMS = 3  # of a class: how often it is true, said, and both
ROUNDING = 1e-12  # share of a mean square below which a variance is that of a constant


class Additive(NamedTuple):
    """A score of a target's values, (N, columns), and answers, (N, width).

    `rows` returns what every utterance adds, (N, K), zeros where nothing is known; `score` the
    score of sums of it, (..., K), in the units of `ariigcn_dgl.training.target_kinds`.
    """

    rows: Callable[[np.ndarray, np.ndarray], np.ndarray]
    score: Callable[[np.ndarray], np.ndarray]


def class_rows(labels: np.ndarray, said: np.ndarray, classes: int) -> np.ndarray:
    """Return what utterances add to scores of classes, (N, 3 C).

    Parameters
    ----------
    labels, said : (N,) int arrays
        True class, below 0 where it is unknown, and predicted class.
    classes : int
        C.

    Examples
    --------
    >>> class_rows(np.array([1, -1]), np.array([1, 0]), 2).tolist()
    [[0.0, 1.0, 0.0, 1.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]
    """
    numbers, known = np.arange(classes), labels[:, None] >= 0
    true, found = labels[:, None] == numbers, (said[:, None] == numbers) & known
    return np.concatenate([true, found, true & found], axis=1).astype(float)


def class_f1(sums: np.ndarray) -> np.ndarray:
    """Return the F1 of each class, (..., C), in percent; 0 of one that does not occur."""
    true, said, both = np.split(sums, CLASS_SUMS, axis=-1)
    return 200 * _ratio(both, true + said)


def weighted_f1(sums: np.ndarray) -> np.ndarray:
    """Return the F1 of classes, weighted by support, in percent; 0 of nothing."""
    true, _, _ = np.split(sums, CLASS_SUMS, axis=-1)
    return _ratio((class_f1(sums) * true).sum(-1), true.sum(-1))


def class_accuracy(sums: np.ndarray) -> np.ndarray:
    """Return the share of right classes, in percent; 0 of nothing."""
    true, _, both = np.split(sums, CLASS_SUMS, axis=-1)
    return 100 * _ratio(both.sum(-1), true.sum(-1))


def macro_f1(sums: np.ndarray) -> np.ndarray:
    """Return the mean F1 of the classes that occur, as truth or answer, in percent."""
    true, said, _ = np.split(sums, CLASS_SUMS, axis=-1)
    return _ratio(class_f1(sums).sum(-1), (true + said > 0).sum(-1))


CLASS_SCORES = {"weighted_f1": weighted_f1, "accuracy": class_accuracy, "macro_f1": macro_f1}


def of_signs(zeros: bool, score: Callable[[np.ndarray], np.ndarray]) -> Additive:
    """Return a score of the signs of a number; `zeros` as of `target_metrics.sign_scores`."""

    def rows(values: np.ndarray, answers: np.ndarray) -> np.ndarray:
        truth, said = values[:, 0], answers[:, 0]
        unknown = np.isnan(truth)
        if zeros:
            labels, found = truth >= 0, said >= 0
        else:
            labels, found, unknown = truth > 0, said > 0, unknown | (truth == 0)
        return class_rows(np.where(unknown, -1, labels), found.astype(int), 2)

    return Additive(rows, score)


def of_steps(most: int) -> Additive:
    """Return the accuracy of the nearest whole number; `most` as of `step_accuracy`."""

    def rows(values: np.ndarray, answers: np.ndarray) -> np.ndarray:
        known = ~np.isnan(values[:, 0])
        right = rounded(values[:, 0], most) == rounded(answers[:, 0], most)
        return np.stack([known, known & right], axis=1).astype(float)

    return Additive(rows, lambda sums: 100 * _ratio(sums[..., 1], sums[..., 0]))


class Moments(NamedTuple):
    """Sums over known numbers x and answers y: how many, both, their squares, product, distance."""

    n: np.ndarray
    x: np.ndarray
    y: np.ndarray
    xx: np.ndarray
    yy: np.ndarray
    xy: np.ndarray
    off: np.ndarray

    @property
    def known(self) -> np.ndarray:
        """Of how many utterances the number is known."""
        return self.n

    def error(self) -> np.ndarray:
        """Return the mean absolute error."""
        return _ratio(self.off, self.n)

    def correlation(self) -> np.ndarray:
        """Return Pearson's correlation; 0 where one side is constant."""
        return _ratio(self._shared(), np.sqrt(self._variance("x") * self._variance("y")))

    def agreement(self) -> np.ndarray:
        """Return the concordance correlation coefficient; 0 of two equal constants."""
        apart = (_ratio(self.x, self.n) - _ratio(self.y, self.n)) ** 2
        return _ratio(2 * self._shared(), self._variance("x") + self._variance("y") + apart)

    def _shared(self) -> np.ndarray:
        return _ratio(self.xy, self.n) - _ratio(self.x, self.n) * _ratio(self.y, self.n)

    def _variance(self, of: str) -> np.ndarray:
        square = _ratio(getattr(self, of * 2), self.n)
        found = square - _ratio(getattr(self, of), self.n) ** 2
        return np.where(found > ROUNDING * square, found, 0)


class Decisions(NamedTuple):
    """Sums over decisions: how many are known, true, said, and both."""

    known: np.ndarray
    true: np.ndarray
    said: np.ndarray
    both: np.ndarray

    def right(self) -> np.ndarray:
        """Return the share of right ones, in percent."""
        return 100 * _ratio(self.known - self.true - self.said + 2 * self.both, self.known)

    def recalls(self) -> np.ndarray:
        """Return the mean of the recalls that there are, of the label and of its absence."""
        without, rejected = self.known - self.true, self.known - self.true - self.said + self.both
        there = (self.true > 0).astype(float) + (without > 0)
        return 100 * _ratio(_ratio(self.both, self.true) + _ratio(rejected, without), there)

    def f1(self) -> np.ndarray:
        """Return the F1 of having a label, in percent."""
        return 100 * _ratio(2 * self.both, self.true + self.said)


def of_numbers(score: Callable[[Moments], np.ndarray], columns: slice) -> Additive:
    """Return the mean over columns of a score of numbers."""

    def rows(values: np.ndarray, answers: np.ndarray) -> np.ndarray:
        known = ~np.isnan(values[:, columns])
        x, y = (np.where(known, one[:, columns], 0.0) for one in (values, answers))
        return _flat(Moments(known, x, y, x * x, y * y, x * y, np.abs(x - y)))

    return Additive(rows, lambda sums: _mean(score, Moments(*_columns(sums, Moments))))


def of_labels(score: Callable[[Decisions], np.ndarray], columns: slice) -> Additive:
    """Return the mean over columns of a score of labels."""
    return Additive(
        lambda values, answers: _decisions(values[:, columns], answers[:, columns]),
        lambda sums: _mean(score, Decisions(*_columns(sums, Decisions))),
    )


def of_all_decisions() -> Additive:
    """Return the F1 over the decisions of all labels."""
    return Additive(
        _decisions,
        lambda sums: Decisions(*(one.sum(-1) for one in _columns(sums, Decisions))).f1(),
    )


def _decisions(values: np.ndarray, answers: np.ndarray) -> np.ndarray:
    known = ~np.isnan(values)
    true, said = known & (values > 0.5), known & (answers > 0.5)
    return _flat(Decisions(known, true, said, true & said))


def _flat(parts: Moments | Decisions) -> np.ndarray:
    """Return the sums of each column side by side, (N, K)."""
    return np.stack(parts, axis=2).astype(float).reshape(len(parts[0]), -1)


def _columns(sums: np.ndarray, kind: type[Moments | Decisions]) -> np.ndarray:
    """Return what `_flat` put side by side, one sum after another, each (..., columns)."""
    return np.moveaxis(sums.reshape(*sums.shape[:-1], -1, len(kind._fields)), -1, 0)


def _mean(score: Callable[..., np.ndarray], parts: Moments | Decisions) -> np.ndarray:
    """Return the mean over the columns of which something is known."""
    known = parts.known > 0
    return _ratio(np.where(known, score(parts), 0).sum(-1), known.sum(-1))


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Return 0 where there is nothing below."""
    return np.divide(above, below, out=np.zeros(np.broadcast(above, below).shape), where=below > 0)
