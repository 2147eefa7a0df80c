"""What a study found, and its JSON and CSV files."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ariigcn_dgl.experiments.runs import Run
from ariigcn_dgl.experiments.statistics import Summary, summarise
from ariigcn_dgl.experiments.study import Changes
from ariigcn_dgl.files import replacing, write_json
from ariigcn_dgl.training.metrics import HEADLINE

FORMAT = 1
PER_CLASS = ("precision", "recall", "f1")


@dataclass(frozen=True)
class RunResult:
    """One run: how it ended, and what it scored (`val`, `test`: content of ``run.json``)."""

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

    @classmethod
    def of(cls, run: Run) -> RunResult:
        """Return what became of a run."""
        status = run.status
        if status != "done":
            reason = run.reason if status == "failed" else "not run"
            return cls(run.key, run.seed, status, reason)
        record = run.read()
        names = ("seconds", "best_epoch", "epochs", "parameters", "val", "test", "best_test_epoch")
        return cls(run.key, run.seed, status, **{name: record.get(name) for name in names})

    @property
    def untested(self) -> RunResult:
        """The same without test scores: what was known when the search chose."""
        return replace(self, test=None, best_test_epoch=None)


@dataclass(frozen=True)
class Trial:
    """One candidate of a search: what it changes, and how it did on validation."""

    changes: Changes
    run: RunResult


@dataclass(frozen=True)
class Comparison:
    """A setting against the baseline: difference of mean weighted F1 on test, and its p-value.

    `p_holm` is corrected for all comparisons of the study.
    """

    difference: float
    p: float
    p_holm: float


@dataclass(frozen=True)
class RowResult:
    """One setting: what was tried, what was chosen, all seeds, and what they say together.

    `problem` tells why there are no scores, "" where there are; `averaged` is the weighted F1 of
    the mean of all seeds' probabilities; `published` are the paper's numbers on its own features.
    """

    name: str
    group: str
    x: float | None
    system: str
    preset: str
    modalities: tuple[str, ...]
    problem: str
    chosen: Changes
    config: Mapping[str, Any]
    search: tuple[Trial, ...]
    runs: tuple[RunResult, ...]
    averaged: float | None = None
    comparison: Comparison | None = None
    published: Mapping[str, float] | None = None

    @property
    def done(self) -> list[RunResult]:
        """Runs that have test scores."""
        return [run for run in self.runs if run.test is not None]

    @property
    def parameters(self) -> int | None:
        """Number of parameters."""
        return self.done[0].parameters if self.done else None

    def summary(self, name: str) -> Summary:
        """Return a test score over seeds; one of `HEADLINE`."""
        return summarise([run.test[name] for run in self.done])

    def best_test_epoch(self) -> Summary:
        """Return the weighted F1 of the best epoch on test, over seeds."""
        return summarise([run.best_test_epoch["weighted_f1"] for run in self.done])

    def per_class(self) -> list[dict[str, Any]]:
        """Return label, support and mean precision, recall and F1 of every class."""
        rows = zip(*(run.test["per_class"] for run in self.done), strict=True)
        return [
            {"label": same[0]["label"], "support": same[0]["support"]}
            | {name: sum(one[name] for one in same) / len(same) for name in PER_CLASS}
            for same in rows
        ]


@dataclass(frozen=True)
class Results:
    """A whole study on one data set."""

    study: str
    title: str
    about: str
    axis: str
    baseline: str
    protocol: str
    seeds: int
    data: Mapping[str, Any]
    environment: Mapping[str, str]
    rows: tuple[RowResult, ...]

    def row(self, name: str) -> RowResult:
        """Return a setting's results."""
        return next(row for row in self.rows if row.name == name)

    def write_json(self, path: Path) -> None:
        """Write everything, with the scores over seeds beside those of each seed."""
        content = {"format": FORMAT} | asdict(self)
        for row, written in zip(self.rows, content["rows"], strict=True):
            written["scores"] = (
                {name: asdict(row.summary(name)) for name in HEADLINE} if row.done else None
            )
        write_json(path, content)

    def write_csv(self, path: Path) -> None:
        """Write one line a run, those of the search too, with all scores."""
        lines = [
            {"setting": row.name, "group": row.group, "system": row.system, "use": use}
            | _cells(run)
            for row in self.rows
            for use, runs in (("search", [t.run for t in row.search]), ("seed", row.runs))
            for run in runs
        ]
        columns = list(dict.fromkeys(name for line in lines for name in line))
        with replacing(path) as scratch, scratch.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(lines)


def _cells(run: RunResult) -> dict[str, Any]:
    names = ("seed", "key", "status", "reason", "seconds", "parameters", "epochs", "best_epoch")
    cells = {name: getattr(run, name) for name in names}
    for split, scores in (("val", run.val), ("test", run.test)):
        if scores is not None:
            cells |= {f"{split}_{name}": scores[name] for name in HEADLINE}
    if run.test is not None:
        for one in run.test["per_class"]:
            cells |= {f"test_{one['label']}_{name}": one[name] for name in PER_CLASS}
    if run.best_test_epoch is not None:
        cells["best_test_epoch_weighted_f1"] = run.best_test_epoch["weighted_f1"]
    return cells
