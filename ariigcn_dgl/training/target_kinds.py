"""What each kind of target is scored by, chosen by, and said in: one class a kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from ariigcn_dgl.answer import DIGITS, answer
from ariigcn_dgl.data.targets import Kind, TargetSpec
from ariigcn_dgl.training import additive
from ariigcn_dgl.training.additive import Additive, Decisions, Moments
from ariigcn_dgl.training.metrics import TITLES, score
from ariigcn_dgl.training.target_metrics import (
    concordance,
    label_f1,
    mean_absolute_error,
    micro_f1,
    pearson,
    sign_scores,
    step_accuracy,
    weighted_accuracy,
)

PERCENT = 2  # decimals of a percentage in tables
PARTS, MOST_SETS = 5, 8  # of a range, and of sets of labels, where classes are shown
SEVEN_STEPS = 3.0  # the end of the scale that Acc-7 and Acc-5 are of


@dataclass(frozen=True)
class Metric:
    """A score of a target.

    Parameters
    ----------
    name : str
        In files and options.
    title : str
        In tables.
    better : {"higher", "lower"}
    decimals : int
        In tables: 2 of a percentage, 3 of anything else.
    of : str
        The one label or number that it is of; "" of all.
    """

    name: str
    title: str
    better: Literal["higher", "lower"] = "higher"
    decimals: int = PERCENT
    of: str = ""

    @property
    def is_percentage(self) -> bool:
        """Whether it is a share, in percent."""
        return self.decimals == PERCENT

    def merit(self, value: float) -> float:
        """Return what is the higher the better."""
        return value if self.better == "higher" else -value


@dataclass(frozen=True)
class Groups:
    """Utterances by what is true of them.

    Parameters
    ----------
    names : tuple of str
    numbers : (N,) int array
        -1 where nothing is known.
    ordered : bool
        Whether their order means something, as of a scale.
    """

    names: tuple[str, ...]
    numbers: np.ndarray
    ordered: bool = False


class TargetKind(ABC):
    """Scores of one kind of target.

    Values, (N, columns), have NaN where nothing is known; answers, (N, width), are those of
    `ariigcn_dgl.models.objective`.
    """

    @abstractmethod
    def metrics(self, spec: TargetSpec) -> list[Metric]:
        """Return what it is scored by; epochs are compared by the first, unless told otherwise."""

    @abstractmethod
    def score(self, spec: TargetSpec, values: np.ndarray, answers: np.ndarray) -> dict[str, float]:
        """Return the value of each metric, of utterances of which something is known."""

    @abstractmethod
    def additive(self, spec: TargetSpec, metric: str) -> Additive:
        """Return the value of a metric as a function of sums over utterances."""

    @abstractmethod
    def in_words(self, spec: TargetSpec) -> str:
        """Return what an answer is, for a sentence that names the target."""

    @abstractmethod
    def answer(self, spec: TargetSpec, row: np.ndarray) -> dict[str, Any]:
        """Return the answer to an utterance, as it stands in JSON."""

    @abstractmethod
    def phrase(self, spec: TargetSpec, said: Any) -> str:
        """Return in a few words a prediction of `answer`, or what `truth` returned."""

    @abstractmethod
    def sum_up(self, spec: TargetSpec, answers: np.ndarray) -> str:
        """Return the answers to at least one utterance in a phrase."""

    @abstractmethod
    def distance(self, spec: TargetSpec, values: np.ndarray, answers: np.ndarray) -> np.ndarray:
        """Return how far each answer is from what is true, (N,): 0 of a right one.

        NaN where nothing is known.
        """

    @abstractmethod
    def off(self, spec: TargetSpec, distance: float) -> str:
        """Return a distance of `distance` in a few words."""

    @abstractmethod
    def groups(self, spec: TargetSpec, values: np.ndarray) -> Groups:
        """Return classes to show true values by, where nothing but classes can be shown."""

    @abstractmethod
    def truth(self, spec: TargetSpec, row: np.ndarray) -> Any:
        """Return what is known of an utterance, as it stands in JSON; None of nothing."""

    @abstractmethod
    def read(
        self, spec: TargetSpec, value: Any, said: Mapping[str, Any]
    ) -> tuple[list[float], list[float]]:
        """Return what is known and answered, of what `truth` and `answer` have returned."""


class Classes(TargetKind):
    """One of C classes: the scores of `ariigcn_dgl.training.metrics`."""

    def metrics(self, spec: TargetSpec) -> list[Metric]:
        """Return weighted F1, accuracy, macro F1."""
        return [Metric(name, title) for name, title in TITLES.items()]

    def score(self, spec: TargetSpec, values: np.ndarray, answers: np.ndarray) -> dict[str, float]:
        """Return them in percent."""
        labels = values[:, 0].astype(np.int64)
        return score(labels, answers.argmax(1), spec.names).headline()

    def additive(self, spec: TargetSpec, metric: str) -> Additive:
        """Return it in percent."""

        def rows(values: np.ndarray, answers: np.ndarray) -> np.ndarray:
            labels = np.nan_to_num(values[:, 0], nan=-1).astype(np.int64)
            return additive.class_rows(labels, answers.argmax(1), spec.width)

        return Additive(rows, additive.CLASS_SCORES[metric])

    def in_words(self, spec: TargetSpec) -> str:
        """Return the names of the classes."""
        return f"one of {', '.join(spec.names)}{_each_dialogue(spec)}"

    def answer(self, spec: TargetSpec, row: np.ndarray) -> dict[str, Any]:
        """Return the most probable class, and all probabilities."""
        return answer(row, spec.names)

    def phrase(self, spec: TargetSpec, said: str) -> str:
        """Return the class."""
        return said

    def sum_up(self, spec: TargetSpec, answers: np.ndarray) -> str:
        """Return how often each class is the most probable one, the most frequent first."""
        return _counts(spec.names, np.bincount(answers.argmax(1), minlength=spec.width))

    def distance(self, spec: TargetSpec, values: np.ndarray, answers: np.ndarray) -> np.ndarray:
        """Return the probability of the class that is said, where it is a wrong one.

        Examples
        --------
        >>> spec = TargetSpec("tone", "classes", ("low", "high"))
        >>> Classes().distance(spec, np.array([[0.0], [1.0]]), np.array([[0.1, 0.9], [0.2, 0.8]]))
        array([0.9, 0. ])
        """
        wrong = np.where(answers.argmax(1) == values[:, 0], 0.0, answers.max(1))
        return np.where(np.isnan(values[:, 0]), np.nan, wrong)

    def off(self, spec: TargetSpec, distance: float) -> str:
        """Return the probability in percent."""
        return _percent(distance)

    def groups(self, spec: TargetSpec, values: np.ndarray) -> Groups:
        """Return the classes."""
        return Groups(spec.names, np.nan_to_num(values[:, 0], nan=-1).astype(np.int64))

    def truth(self, spec: TargetSpec, row: np.ndarray) -> str | None:
        """Return the class's name."""
        return None if np.isnan(row[0]) else spec.names[int(row[0])]

    def read(
        self, spec: TargetSpec, value: Any, said: Mapping[str, Any]
    ) -> tuple[list[float], list[float]]:
        """Return the class's number, and all probabilities."""
        known = np.nan if value is None else spec.names.index(value)
        return [known], [said["probabilities"][name] for name in spec.names]


class Multilabel(TargetKind):
    """C labels that are independent of each other; one is said where it is more likely than not."""

    def metrics(self, spec: TargetSpec) -> list[Metric]:
        """Return means over labels, F1 over all decisions, and each label's own scores."""
        each = [
            Metric(f"{what}_{name}", f"{title}, {name}", of=name)
            for name in spec.names
            for what, title in (
                ("accuracy", "accuracy"),
                ("weighted_accuracy", "weighted accuracy"),
                ("f1", "F1"),
            )
        ]
        return [
            Metric("macro_f1", "macro F1"),
            Metric("micro_f1", "micro F1"),
            Metric("accuracy", "accuracy"),
            Metric("weighted_accuracy", "weighted accuracy"),
            *each,
        ]

    def score(self, spec: TargetSpec, values: np.ndarray, answers: np.ndarray) -> dict[str, float]:
        """Return them in percent, over the cells that are known; means over labels with some."""
        known, said = ~np.isnan(values), (answers > 0.5).astype(np.int64)
        truth = np.where(known, values, 0).astype(np.int64)
        found: dict[str, float] = {}
        of_labels: dict[str, list[float]] = {"accuracy": [], "weighted_accuracy": [], "f1": []}
        for c, name in enumerate(spec.names):
            rows = known[:, c]
            own = {what: 0.0 for what in of_labels}
            if rows.any():
                pair = truth[rows, c], said[rows, c]
                own = {
                    "accuracy": 100 * float((pair[0] == pair[1]).mean()),
                    "weighted_accuracy": weighted_accuracy(*pair),
                    "f1": label_f1(*pair),
                }
                for what, value in own.items():
                    of_labels[what].append(value)
            found |= {f"{what}_{name}": value for what, value in own.items()}
        means = {what: float(np.mean(of)) for what, of in of_labels.items()}
        return {
            "macro_f1": means["f1"],
            "micro_f1": micro_f1(truth, said, known),
            "accuracy": means["accuracy"],
            "weighted_accuracy": means["weighted_accuracy"],
            **found,
        }

    def additive(self, spec: TargetSpec, metric: str) -> Additive:
        """Return it in percent."""
        if metric == "micro_f1":
            return additive.of_all_decisions()
        of_label: dict[str, Callable[[Decisions], np.ndarray]] = {
            "accuracy": Decisions.right,
            "weighted_accuracy": Decisions.recalls,
            "f1": Decisions.f1,
        }
        for what, found in of_label.items():
            for place, name in enumerate(spec.names):
                if metric == f"{what}_{name}":
                    return additive.of_labels(found, slice(place, place + 1))
        return additive.of_labels(of_label[metric.removeprefix("macro_")], slice(None))

    def in_words(self, spec: TargetSpec) -> str:
        """Return the names of the labels."""
        return f"any of {', '.join(spec.names)}{_each_dialogue(spec)}"

    def answer(self, spec: TargetSpec, row: np.ndarray) -> dict[str, Any]:
        """Return whether each label holds, and its probability."""
        shares = dict(zip(spec.names, map(_short, row), strict=True))
        return {
            "prediction": {name: int(p > 0.5) for name, p in zip(spec.names, row, strict=True)},
            "probabilities": shares,
        }

    def phrase(self, spec: TargetSpec, said: Mapping[str, int | None]) -> str:
        """Return the labels that hold."""
        return ", ".join(name for name, holds in said.items() if holds) or "none"

    def sum_up(self, spec: TargetSpec, answers: np.ndarray) -> str:
        """Return how many utterances have each label, the most frequent first."""
        return _counts(spec.names, (answers > 0.5).sum(0)) or "none"

    def distance(self, spec: TargetSpec, values: np.ndarray, answers: np.ndarray) -> np.ndarray:
        """Return the largest probability that a known label is said wrongly with.

        Examples
        --------
        >>> spec = TargetSpec("cues", "multilabel", ("laugh", "sigh"))
        >>> truth, said = np.array([[1.0, np.nan], [1.0, 0.0]]), np.array([[0.9, 0.9], [0.3, 0.6]])
        >>> Multilabel().distance(spec, truth, said)
        array([0. , 0.7])
        """
        far = np.abs(values - answers)
        wrong = np.where((answers > 0.5) == (values > 0.5), 0.0, far)
        return _largest(np.where(np.isnan(values), np.nan, wrong))

    def off(self, spec: TargetSpec, distance: float) -> str:
        """Return the probability in percent."""
        return _percent(distance)

    def groups(self, spec: TargetSpec, values: np.ndarray) -> Groups:
        """Return the most frequent sets of labels, and the others as one; unknown ones do not hold.

        Examples
        --------
        >>> spec = TargetSpec("cues", "multilabel", ("laugh", "sigh"))
        >>> Multilabel().groups(spec, np.array([[1, 0], [1, 1], [1, 0]])).names
        ('laugh', 'laugh, sigh')
        """
        known = [self.truth(spec, row) for row in values]
        said = ["" if one is None else self.phrase(spec, one) for one in known]
        names = [name for name, _ in Counter(filter(None, said)).most_common()]
        if len(names) > MOST_SETS:
            names = [*names[: MOST_SETS - 1], "other sets"]
        number = {name: c for c, name in enumerate(names)}
        numbers = [number.get(one, len(names) - 1) if one else -1 for one in said]
        return Groups(tuple(names), np.array(numbers, np.int64))

    def truth(self, spec: TargetSpec, row: np.ndarray) -> dict[str, int | None] | None:
        """Return whether each label holds; None of those that are not known."""
        pairs = zip(spec.names, row, strict=True)
        found = {name: None if np.isnan(x) else int(x) for name, x in pairs}
        return found if any(x is not None for x in found.values()) else None

    def read(
        self, spec: TargetSpec, value: Any, said: Mapping[str, Any]
    ) -> tuple[list[float], list[float]]:
        """Return whether each label holds, and its probability."""
        return _numbers(spec, value), [said["probabilities"][name] for name in spec.names]


class Regression(TargetKind):
    """K numbers on a scale."""

    def metrics(self, spec: TargetSpec) -> list[Metric]:
        """Return MAE, correlation and CCC, means over the numbers; of a score also its classes.

        Of a scale around 0 Acc-2 and F1 in both customs, from -3 to 3 also Acc-7 and Acc-5; of
        several numbers each one's own CCC and MAE. Epochs are compared by the MAE of such a score,
        by the CCC of anything else.
        """
        error = Metric("mae", "MAE", "lower", 3)
        agreement = Metric("ccc", "CCC", decimals=3)
        both = [error, agreement] if spec.centred else [agreement, error]
        found = [both[0], Metric("pearson", "correlation", decimals=3), both[1]]
        if spec.width > 1:
            found += [
                Metric(f"ccc_{name}", f"CCC, {name}", decimals=3, of=name) for name in spec.names
            ]
            found += [
                Metric(f"mae_{name}", f"MAE, {name}", "lower", 3, name) for name in spec.names
            ]
            return found
        if spec.centred:
            found += [
                Metric("acc2_non_negative", "Acc-2, negative / non-negative"),
                Metric("f1_non_negative", "F1, negative / non-negative"),
                Metric("acc2_positive", "Acc-2, negative / positive"),
                Metric("f1_positive", "F1, negative / positive"),
            ]
        if spec.centred and spec.high == SEVEN_STEPS:
            found += [Metric("acc7", "Acc-7"), Metric("acc5", "Acc-5")]
        return found

    def score(self, spec: TargetSpec, values: np.ndarray, answers: np.ndarray) -> dict[str, float]:
        """Return errors on the target's scale, accuracies and F1 in percent."""
        own: dict[str, list[float]] = {"mae": [], "pearson": [], "ccc": []}
        columns = [self._column(values[:, k], answers[:, k]) for k in range(spec.width)]
        for truth, said in columns:
            if len(truth):
                own["mae"].append(mean_absolute_error(truth, said))
                own["pearson"].append(pearson(truth, said))
                own["ccc"].append(concordance(truth, said))
        found = {name: float(np.mean(of)) for name, of in own.items()}
        for name, (truth, said) in zip(spec.names, columns, strict=True):
            if spec.width > 1:
                found[f"ccc_{name}"] = concordance(truth, said) if len(truth) else 0.0
                found[f"mae_{name}"] = mean_absolute_error(truth, said) if len(truth) else 0.0
        if spec.centred and spec.width == 1:
            truth, said = columns[0]
            for custom, zeros in (("non_negative", True), ("positive", False)):
                pair = sign_scores(truth, said, zeros=zeros)
                found |= {f"acc2_{custom}": pair[0], f"f1_{custom}": pair[1]}
            found |= {f"acc{2 * m + 1}": step_accuracy(truth, said, m) for m in (3, 2)}
        return {metric.name: found[metric.name] for metric in self.metrics(spec)}

    def additive(self, spec: TargetSpec, metric: str) -> Additive:
        """Return it in the units of `score`."""
        of_numbers: dict[str, Callable[[Moments], np.ndarray]] = {
            "mae": Moments.error,
            "pearson": Moments.correlation,
            "ccc": Moments.agreement,
        }
        what, _, rest = metric.partition("_")
        if what in of_numbers:
            place = spec.names.index(rest) if rest else 0
            return additive.of_numbers(
                of_numbers[what], slice(place, place + 1) if rest else slice(None)
            )
        if what in ("acc7", "acc5"):
            return additive.of_steps((int(what[-1]) - 1) // 2)
        score = additive.class_accuracy if what == "acc2" else additive.weighted_f1
        return additive.of_signs(rest == "non_negative", score)

    def in_words(self, spec: TargetSpec) -> str:
        """Return the range and the unit, where they are known, and the names of several numbers.

        Examples
        --------
        >>> spec = TargetSpec("vad", "regression", ("valence", "arousal"), 1.0, 5.0)
        >>> Regression().in_words(spec)
        'numbers from 1 to 5: valence, arousal'
        """
        unit = f" ({spec.unit})" if spec.unit else ""
        reach = "" if spec.low is None else f" from {spec.low:g} to {spec.high:g}"
        which = f": {', '.join(spec.names)}" if spec.width > 1 else ""
        what = "numbers" if which else "a number"
        return f"{what}{reach}{unit}{which}{_each_dialogue(spec)}"

    def answer(self, spec: TargetSpec, row: np.ndarray) -> dict[str, Any]:
        """Return the numbers."""
        return {"prediction": dict(zip(spec.names, map(_short, row), strict=True))}

    def phrase(self, spec: TargetSpec, said: Mapping[str, float | None]) -> str:
        """Return the numbers with their names, or the number alone; on scales around 0 with a sign.

        Examples
        --------
        >>> spec = TargetSpec("score", "regression", ("score",), -3.0, 3.0)
        >>> Regression().phrase(spec, {"score": 0.5})
        '+0.50'
        """
        shown = {name: self.number(spec, x) for name, x in said.items() if x is not None}
        return ", ".join(f"{n} {x}" if spec.width > 1 else x for n, x in shown.items())

    def sum_up(self, spec: TargetSpec, answers: np.ndarray) -> str:
        """Return the mean of each number, and from where to where it goes."""
        parts = []
        for name, column in zip(spec.names, answers.T, strict=True):
            mean, low, high = (
                self.number(spec, float(x)) for x in (column.mean(), column.min(), column.max())
            )
            which = f"{name} " if spec.width > 1 else ""
            parts.append(f"{which}{mean} on average, from {low} to {high}")
        return ", ".join(parts)

    @staticmethod
    def number(spec: TargetSpec, value: float) -> str:
        """Return a number with the unit of its target; never minus zero."""
        rounded = round(value, 2) + 0.0
        signed = f"{rounded:+.2f}" if spec.centred and rounded else f"{rounded:.2f}"
        return f"{signed} {spec.unit}" if spec.unit else signed

    def distance(self, spec: TargetSpec, values: np.ndarray, answers: np.ndarray) -> np.ndarray:
        """Return the largest difference from a number that is known.

        Examples
        --------
        >>> spec = TargetSpec("mood", "regression", ("valence", "arousal"), 1.0, 5.0)
        >>> Regression().distance(spec, np.array([[1.0, np.nan]]), np.array([[3.5, 5.0]]))
        array([2.5])
        """
        return _largest(np.abs(values - answers))

    def off(self, spec: TargetSpec, distance: float) -> str:
        """Return the difference with the unit of the target."""
        return f"{distance:.2f} {spec.unit}".rstrip()

    def groups(self, spec: TargetSpec, values: np.ndarray) -> Groups:
        """Return equal parts of the range of the first number; of the known ones without a range.

        Examples
        --------
        >>> spec = TargetSpec("score", "regression", ("score",), -3.0, 3.0)
        >>> found = Regression().groups(spec, np.array([[-3.0], [0.0], [3.0], [np.nan]]))
        >>> found.names[0], found.numbers.tolist()
        ('-3 to -1.8', [0, 2, 4, -1])
        """
        column = values[:, 0].astype(np.float64)
        known = ~np.isnan(column)
        low, high = spec.low, spec.high
        if low is None or high is None:
            there = column[known] if known.any() else np.zeros(1)
            low, high = float(there.min()), float(there.max())
        edges = np.linspace(low, high, PARTS + 1)
        numbers = np.full(len(column), -1)
        numbers[known] = np.digitize(column[known], edges[1:-1])
        names = tuple(f"{a:.3g} to {b:.3g}" for a, b in pairwise(edges))
        return Groups(names, numbers, ordered=True)

    def truth(self, spec: TargetSpec, row: np.ndarray) -> dict[str, float | None] | None:
        """Return the numbers; None of those that are not known."""
        pairs = zip(spec.names, row, strict=True)
        found = {name: None if np.isnan(x) else _short(x) for name, x in pairs}
        return found if any(x is not None for x in found.values()) else None

    def read(
        self, spec: TargetSpec, value: Any, said: Mapping[str, Any]
    ) -> tuple[list[float], list[float]]:
        """Return the numbers."""
        return _numbers(spec, value), [said["prediction"][name] for name in spec.names]

    @staticmethod
    def _column(values: np.ndarray, answers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        known = ~np.isnan(values)
        return values[known].astype(np.float64), answers[known].astype(np.float64)


def _numbers(spec: TargetSpec, value: Mapping[str, float | None] | None) -> list[float]:
    if value is None:
        return [np.nan] * spec.width
    found = [value[name] for name in spec.names]
    return [np.nan if number is None else float(number) for number in found]


def _each_dialogue(spec: TargetSpec) -> str:
    return ", one for each dialogue" if spec.per == "dialogue" else ""


def _counts(names: Sequence[str], counts: np.ndarray) -> str:
    """Return "2 joy, 1 anger", the most frequent first, without those that do not occur."""
    order = np.argsort(-counts, kind="stable")
    return ", ".join(f"{counts[c]} {names[c]}" for c in order if counts[c])


def _largest(rows: np.ndarray) -> np.ndarray:
    """Return the largest of each row's numbers; NaN of a row that has none."""
    known = ~np.isnan(rows)
    return np.where(known.any(1), np.where(known, rows, 0.0).max(1), np.nan)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _short(value: float) -> float:
    return round(float(value), DIGITS)


TARGET_KINDS: dict[Kind, TargetKind] = {
    "classes": Classes(),
    "multilabel": Multilabel(),
    "regression": Regression(),
}
