"""What a study found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ariigcn_dgl.data.targets import classes_spec
from ariigcn_dgl.experiments.runs import Run
from ariigcn_dgl.experiments.statistics import Summary, summarise
from ariigcn_dgl.experiments.study import Changes
from ariigcn_dgl.training.metrics import PER_CLASS, Scores
from ariigcn_dgl.training.scoring import TargetScores, flat
from ariigcn_dgl.training.target_kinds import TARGET_KINDS, Metric

OF_CLASSES = tuple(TARGET_KINDS["classes"].metrics(classes_spec(())))


@dataclass(frozen=True)
class RunResult:
    """One run: how it ended, and what it scored (`val`, `test`, `calibration`: of ``run.json``).

    In a cross-validation also one seed over all folds: `folds` are then its runs, `test` is scored
    on all their test splits together.
    """

    key: str
    seed: int
    status: str
    reason: str = ""
    seconds: float | None = None
    best_epoch: int | None = None
    epochs: int | None = None
    parameters: int | None = None
    val: Mapping[str, Any] | None = None
    test: Mapping[str, Any] | None = None
    best_test_epoch: Mapping[str, Any] | None = None
    calibration: Mapping[str, Any] | None = None
    fold: int | None = None
    folds: tuple[RunResult, ...] = ()

    @classmethod
    def of(cls, run: Run) -> RunResult:
        """Return what became of a run."""
        status, fold = run.status, None if run.fold is None else run.fold.number
        if status != "done":
            return cls(run.key, run.seed, status, run.reason, fold=fold)
        record = run.read()
        names = ("seconds", "best_epoch", "epochs", "parameters", "val", "test", "best_test_epoch")
        values: dict[str, Any] = {name: record.get(name) for name in (*names, "calibration")}
        return cls(run.key, run.seed, status, **values, fold=fold)

    @classmethod
    def over_folds(
        cls,
        runs: Sequence[RunResult],
        scores: Scores | TargetScores | None,
        errors: Mapping[str, float] | None = None,
    ) -> RunResult:
        """Return one seed over all folds; `scores` are None where a fold is not done.

        `errors` are the calibration errors on the test splits of all folds together.
        """
        worst = next((run for run in runs if run.status != "done"), runs[0])
        seconds = [run.seconds for run in runs if run.seconds is not None]
        return cls(
            key="",
            seed=worst.seed,
            status=worst.status,
            reason=worst.reason,
            seconds=sum(seconds),
            parameters=runs[0].parameters,
            test=None if scores is None else scores.record(),
            calibration=None if errors is None else {"test": errors},
            folds=tuple(runs),
        )

    def fold_scores(self, name: str) -> list[float]:
        """Return the score on the test split of each fold, of a seed that is done."""
        return [flat(fold.test)[name] for fold in self.folds if fold.test is not None]

    @property
    def untested(self) -> RunResult:
        """The same without test scores: what was known when the search chose."""
        return replace(self, test=None, best_test_epoch=None, calibration=None)


@dataclass(frozen=True)
class Trial:
    """One candidate of a search: what it changes, and how it did on validation."""

    changes: Changes
    run: RunResult
    chosen: bool


@dataclass(frozen=True)
class Choice:
    """What a search chose, and all settings that follow from it; `fold` of a cross-validation."""

    changes: Changes
    config: Mapping[str, Any]
    fold: int | None = None


@dataclass(frozen=True)
class Comparison:
    """A setting against the baseline: difference of the mean score on test, and its p-value.

    `low` and `high` bound its 95 % interval over test dialogues; `p_holm` is corrected for all
    comparisons of the study.
    """

    difference: float
    low: float
    high: float
    p: float
    p_holm: float


@dataclass(frozen=True)
class Absence:
    """A setting tested without one modality: scores of each seed, against the baseline's."""

    modality: str
    seeds: tuple[int, ...]
    tests: tuple[Mapping[str, Any], ...]
    comparison: Comparison | None = None

    def summary(self, name: str) -> Summary:
        """Return a test score over seeds, by its full name."""
        return summarise([flat(test)[name] for test in self.tests])


@dataclass(frozen=True)
class RowResult:
    """One setting: what was tried, what was chosen, all seeds, and what they say together.

    `chosen` has one entry, of a cross-validation one for each fold;
    `against` names the setting that it is compared with, "" for the study's baseline;
    `problem` tells why there are no scores, "" where there are; `averaged` is the score of the mean
    of all seeds' answers; `published` are the paper's numbers on its own features;
    `absences` are of a study that also tests without each modality.
    """

    name: str
    group: str
    x: float | None
    system: str
    preset: str
    modalities: tuple[str, ...]
    problem: str
    chosen: tuple[Choice, ...]
    search: tuple[Trial, ...]
    runs: tuple[RunResult, ...]
    averaged: float | None = None
    comparison: Comparison | None = None
    published: Mapping[str, float] | None = None
    absences: tuple[Absence, ...] = ()
    against: str = ""

    @property
    def trained(self) -> list[RunResult]:
        """Every run once: of the search, of the seeds, of their folds."""
        seeds = [part for run in self.runs for part in run.folds or (run,)]
        searched = {trial.run.key: trial.run for trial in self.search}
        return list((searched | {run.key: run for run in seeds}).values())

    @property
    def done(self) -> list[RunResult]:
        """Runs that have test scores."""
        return [run for run in self.runs if run.test is not None]

    @property
    def tests(self) -> list[Mapping[str, Any]]:
        """Test scores of each seed that has some."""
        return [run.test for run in self.runs if run.test is not None]

    @property
    def parameters(self) -> int | None:
        """Number of parameters."""
        return self.done[0].parameters if self.done else None

    def summary(self, name: str) -> Summary:
        """Return a test score over seeds, by its full name."""
        return summarise([flat(test)[name] for test in self.tests])

    def calibration_error(self, when: str) -> Summary | None:
        """Return the calibration error on test over seeds, "before" or "after" the temperature.

        None where a seed was trained by a version that chose no temperature.
        """
        known = [run.calibration["test"][when] for run in self.done if run.calibration]
        return summarise(known) if len(known) == len(self.done) > 0 else None

    def best_test_epoch(self, name: str) -> Summary:
        """Return a score of the best epoch on test, over seeds."""
        best = [run.best_test_epoch for run in self.done if run.best_test_epoch is not None]
        return summarise([epoch[name] for epoch in best])

    def per_class(self) -> list[dict[str, Any]]:
        """Return label, support and mean precision, recall and F1 of every class."""
        rows = zip(*(test["per_class"] for test in self.tests), strict=True)
        return [
            {"label": same[0]["label"], "support": same[0]["support"]}
            | {name: sum(one[name] for one in same) / len(same) for name in PER_CLASS}
            for same in rows
        ]


@dataclass(frozen=True)
class Results:
    """A whole study on one data set; `trials` of each setting's search, None of a grid.

    `metric` is the full name of the one of `metrics` that settings are chosen and compared by;
    `size_warning` says where the test split is too small for its scores to mean much.
    """

    study: str
    title: str
    about: str
    axis: str
    baseline: str
    protocol: str
    seeds: int
    folds: int | None
    trials: int | None
    data: Mapping[str, Any]
    environment: Mapping[str, str]
    rows: tuple[RowResult, ...]
    size_warning: str = ""
    metric: str = OF_CLASSES[0].name
    metrics: tuple[Metric, ...] = OF_CLASSES

    @property
    def score(self) -> Metric:
        """What settings are compared by."""
        return next(one for one in self.metrics if one.name == self.metric)

    @property
    def has_classes(self) -> bool:
        """Whether what was scored has classes, with confusions."""
        return any("per_class" in test for row in self.rows for test in row.tests)

    @property
    def is_calibrated(self) -> bool:
        """Whether it has classes alone, whose probabilities get a temperature."""
        return self.metrics == OF_CLASSES

    @property
    def data_name(self) -> str:
        """The data set as titles name it, with the number of folds of a cross-validation."""
        name = self.data["name"]
        return name if self.folds is None else f"{name}, {self.folds} folds"

    def row(self, name: str) -> RowResult:
        """Return a setting's results."""
        return next(row for row in self.rows if row.name == name)

    def fold_differences(self, row: RowResult) -> list[float]:
        """Return the difference to what a row is compared with on each fold's test split.

        Means over the seeds that both have; empty without folds, or where there is nothing to
        compare.
        """
        if self.folds is None or row.comparison is None:
            return []
        other = self.row(row.against or self.baseline)
        theirs = {run.seed: run.fold_scores(self.metric) for run in other.done}
        pairs = [
            (run.fold_scores(self.metric), theirs[run.seed])
            for run in row.done
            if run.seed in theirs
        ]
        return np.subtract(*zip(*pairs, strict=True)).mean(0).tolist()
