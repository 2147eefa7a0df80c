"""How the answers of a run are scored, and by which score its epochs are compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ariigcn_dgl.answer import answer
from ariigcn_dgl.data import UNLABELLED, Dialogues
from ariigcn_dgl.data.targets import TargetSpec, classes_spec
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.near import did_you_mean
from ariigcn_dgl.training.calibration import calibrated
from ariigcn_dgl.training.metrics import HEADLINE, Scores, score
from ariigcn_dgl.training.target_answers import TargetAnswers
from ariigcn_dgl.training.target_kinds import TARGET_KINDS, Metric

_SHOWN = 3  # scores of a target that stands alone that are said of each epoch and seed


@dataclass(frozen=True)
class TargetScores:
    """Scores of one set of utterances, by targets.

    Parameters
    ----------
    classes : Scores or None
        Of the set's classes, where there are some.
    targets : dict of str to dict of str to float
        Of each other target the value of each metric (`ariigcn_dgl.training.target_kinds`).
    """

    classes: Scores | None
    targets: dict[str, dict[str, float]]

    def __str__(self) -> str:
        """Return all scores in words."""
        said = [] if self.classes is None else [str(self.classes)]
        said += [
            f"{name}: {', '.join(f'{metric} {value:.3f}' for metric, value in found.items())}"
            for name, found in self.targets.items()
        ]
        return "; ".join(said)

    def headline(self) -> dict[str, float]:
        """Return all scores by their full names, as ``vad.ccc``; those of classes as ever."""
        return flat(self.record())

    def record(self) -> dict[str, Any]:
        """Return them as ``run.json`` has them."""
        classes = {} if self.classes is None else asdict(self.classes)
        return classes | {"targets": self.targets}


def flat(record: Mapping[str, Any]) -> dict[str, float]:
    """Return a split's scores in ``run.json`` by their full names.

    Examples
    --------
    >>> flat({"targets": {"vad": {"ccc": 0.5}}})
    {'vad.ccc': 0.5}
    """
    found = {name: record[name] for name in HEADLINE if name in record}
    for target, scores in record.get("targets", {}).items():
        found |= {f"{target}.{name}": value for name, value in scores.items()}
    return found


class Scoring:
    """Scores answers to targets, and names the score that epochs are compared by.

    Parameters
    ----------
    specs : sequence of TargetSpec
        The targets, in the order of a model's outputs.
    metric : str
        As of `TrainingConfig`.

    Raises
    ------
    InputError
        If the metric is none of these targets'.

    Examples
    --------
    >>> Scoring([TargetSpec("score", "regression", ("score",), -3.0, 3.0)]).metric
    'score.mae'
    >>> Scoring([classes_spec(["sad", "happy"])], "mae")
    Traceback (most recent call last):
    ariigcn_dgl.errors.InputError: --training.metric: 'mae' is no score of label (classes): \
expected one of weighted_f1, accuracy, macro_f1
    """

    def __init__(self, specs: Sequence[TargetSpec], metric: str = "") -> None:
        self.specs = tuple(specs)
        self.columns = dict(self._columns())
        self.metric = self._chosen(metric)

    @classmethod
    def of_run(cls, record: Mapping[str, Any], metric: str = "") -> Scoring:
        """Return that of a run, by its ``run.json`` and its setting."""
        return cls(specs_of(record), metric)

    @property
    def plain(self) -> bool:
        """Whether the set's classes are all there is."""
        return all(spec.is_labels for spec in self.specs)

    @property
    def classes(self) -> TargetSpec | None:
        """The set's classes, where there are some."""
        return next((spec for spec in self.specs if spec.is_labels), None)

    @property
    def title(self) -> str:
        """The score that epochs are compared by, in words."""
        return self.title_of(self.metric)

    def title_of(self, name: str) -> str:
        """Return the title of a score, by its full name; of several targets it says which."""
        target, title = target_of(name), self.columns[name].title
        return f"{target} {title}" if target and len(self.specs) > 1 else title

    @property
    def shown(self) -> list[str]:
        """The full names of the scores that are said of each epoch and seed."""
        names = [name for name in HEADLINE if name in self.columns]
        count = _SHOWN if len(self.specs) == 1 else 1
        for spec, _ in self.others():
            names += [n for n in self.columns if target_of(n) == spec.name][:count]
        return list(dict.fromkeys([*names, self.metric]))

    def merit(self, record: Mapping[str, Any]) -> float:
        """Return of a split's scores in ``run.json`` the chosen one, the higher the better."""
        return self.columns[self.metric].merit(flat(record)[self.metric])

    def others(self) -> Iterator[tuple[TargetSpec, slice]]:
        """Yield the targets beside the set's classes, with their places among the answers."""
        for spec, place in self._places():
            if spec != self.classes:
                yield spec, place

    def of_classes(self, answers: np.ndarray) -> np.ndarray:
        """Return the answers to the set's classes, (..., C)."""
        return answers[..., : 0 if self.classes is None else self.classes.width]  # they are first

    def by_target(self, answers: np.ndarray) -> dict[str, np.ndarray]:
        """Return the answers, (..., width), to each target, by their names."""
        return {spec.name: answers[..., place] for spec, place in self._places()}

    def parts(self) -> Iterator[tuple[str, slice]]:
        """Yield what answers are called in a sentence, target by target, and their places."""
        for spec, place in self._places():
            yield "probabilities" if spec == self.classes else f"answers to {spec.name}", place

    def other_answers(
        self, answers: np.ndarray, dialogues: Dialogues | None = None
    ) -> list[TargetAnswers]:
        """Return the answers, (N, width), to the targets beside the set's classes, one by one.

        Parameters
        ----------
        answers : (N, width) array
        dialogues : Dialogues, optional
            With what is known of these targets.
        """
        return [
            TargetAnswers(
                spec,
                answers[:, place],
                None if dialogues is None else dialogues.targets[spec.name].values,
            )
            for spec, place in self.others()
        ]

    def answer(self, row: np.ndarray, left_open: bool | None = None) -> dict[str, Any]:
        """Return the answers to an utterance, (width,), as they stand in JSON.

        Those to the set's classes as of `ariigcn_dgl.answer`, the others by name in ``targets``.

        Examples
        --------
        >>> scoring = Scoring([TargetSpec("score", "regression", ("score",), -3.0, 3.0)])
        >>> scoring.answer(np.array([0.5]))
        {'targets': {'score': {'prediction': {'score': 0.5}}}}
        """
        found: dict[str, Any] = {}
        if self.classes is not None:
            found = answer(self.of_classes(row), self.classes.names, left_open)
        others = {
            spec.name: TARGET_KINDS[spec.kind].answer(spec, row[place])
            for spec, place in self.others()
        }
        return found | ({"targets": others} if others else {})

    def calibrated(self, answers: np.ndarray, temperature: float) -> np.ndarray:
        """Return answers whose class probabilities have got a temperature, float64."""
        if self.classes is None:
            return answers.astype(np.float64)
        own = calibrated(self.of_classes(answers), temperature)
        rest = answers[:, self.classes.width :].astype(np.float64)
        return np.concatenate([own, rest], axis=1) if rest.size else own

    def score(self, dialogues: Dialogues, answers: np.ndarray) -> Scores | TargetScores | None:
        """Return the scores of answers, (N, width); None where of some target nothing is known.

        Parameters
        ----------
        dialogues : Dialogues
            With these targets.
        answers : (N, width) array
        """
        return self.score_values(self.values(dialogues), answers)

    def values(self, dialogues: Dialogues) -> dict[str, np.ndarray]:
        """Return of each target what is known, (N, columns), NaN where nothing is."""
        found = {spec.name: dialogues.targets[spec.name].values for spec, _ in self.others()}
        if self.classes is not None:
            known = dialogues.labels != UNLABELLED
            found[self.classes.name] = np.where(known, dialogues.labels, np.nan)[:, None]
        return found

    def score_values(
        self, values: Mapping[str, np.ndarray], answers: np.ndarray
    ) -> Scores | TargetScores | None:
        """Return the scores of answers, of what `values` has returned; as `score`."""
        known = {name: ~np.isnan(of).all(axis=1) for name, of in values.items()}
        if not all(rows.any() for rows in known.values()):
            return None
        classes = None
        if self.classes is not None:
            rows = known[self.classes.name]
            labels = values[self.classes.name][rows, 0].astype(np.int64)
            classes = score(labels, self.of_classes(answers)[rows].argmax(1), self.classes.names)
        if self.plain and classes is not None:
            return classes
        found = {}
        for spec, place in self.others():
            rows, of = known[spec.name], values[spec.name]
            found[spec.name] = TARGET_KINDS[spec.kind].score(spec, of[rows], answers[rows, place])
        return TargetScores(classes, found)

    def compared(
        self, values: Mapping[str, np.ndarray], answers: np.ndarray
    ) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
        """Return what utterances add to the chosen score, (N, K), and the score of sums of it."""
        name, metric = target_of(self.metric), self.columns[self.metric].name
        places = self._places()
        spec, place = next(p for p in places if p[0].name == name or (not name and p[0].is_labels))
        additive = TARGET_KINDS[spec.kind].additive(spec, metric)
        return additive.rows(values[spec.name], answers[:, place]), additive.score

    @property
    def named(self) -> tuple[Metric, ...]:
        """All scores, by their full names; of several targets the title names which."""
        return tuple(
            replace(metric, name=name, title=self.title_of(name))
            for name, metric in self.columns.items()
        )

    def scorable(self, dialogues: Dialogues) -> bool:
        """Whether something is known of every target."""
        return all(not np.isnan(of).all() for of in self.values(dialogues).values())

    def _places(self) -> Iterator[tuple[TargetSpec, slice]]:
        start = 0
        for spec in self.specs:
            yield spec, slice(start, start + spec.width)
            start += spec.width

    def _columns(self) -> Iterator[tuple[str, Metric]]:
        for spec in self.specs:
            for metric in TARGET_KINDS[spec.kind].metrics(spec):
                yield metric.name if spec.is_labels else f"{spec.name}.{metric.name}", metric

    def _chosen(self, metric: str) -> str:
        """Return the full name of a metric; of "" that of the first target's first."""
        names = list(self.columns)
        if not metric and names:
            return names[0]
        if metric in names:
            return metric
        found = [name for name, column in self.columns.items() if column.name == metric]
        if found:
            return found[0]
        targets = ", ".join(f"{spec.name} ({spec.kind})" for spec in self.specs)
        raise InputError(
            f"--training.metric: '{metric}' is no score of {targets}: expected one of "
            f"{', '.join(names)}{did_you_mean(metric, names)}"
        )


def target_of(name: str) -> str:
    """Return whose score a full name is: "" of the set's classes; labels may have dots, too.

    Examples
    --------
    >>> target_of("vad.mae"), target_of("cues.f1_v1.2"), target_of("weighted_f1")
    ('vad', 'cues', '')
    """
    return name.partition(".")[0] if "." in name else ""


def specs_of(record: Mapping[str, Any]) -> tuple[TargetSpec, ...]:
    """Return the targets of a run, by its ``run.json``."""
    if "targets" not in record:
        return (classes_spec(record["label_names"]),)
    return tuple(TargetSpec.of_record(one) for one in record["targets"])
