"""A study from its first search to its results; stopped anywhere, it goes on from there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from ariigcn_dgl.data import Dialogues, fingerprint
from ariigcn_dgl.environment import environment
from ariigcn_dgl.experiments.compare import compared
from ariigcn_dgl.experiments.predictions import TestPredictions, averaged_score
from ariigcn_dgl.experiments.published import published
from ariigcn_dgl.experiments.queue import Monitor, work_on
from ariigcn_dgl.experiments.resolve import Candidate, Row, resolve
from ariigcn_dgl.experiments.results import Results, RowResult, RunResult, Trial
from ariigcn_dgl.experiments.runs import Run
from ariigcn_dgl.experiments.study import Study
from ariigcn_dgl.training.fit import TestUse

SEARCH_SEED = 0
Protocol = Literal["standard", "literature"]


@dataclass(frozen=True)
class Options:
    """How a study is conducted.

    Parameters
    ----------
    data : str
        Where the data set lies, or "synthetic".
    seeds : int
        Number of seeds of each chosen setting.
    jobs : int
        Number of runs at a time.
    protocol : {"standard", "literature"}
        "literature": also record the best test epoch.
    retry : bool
        Try runs again that failed earlier.
    """

    data: str
    seeds: int
    jobs: int
    protocol: Protocol
    retry: bool


def conduct(
    study: Study, dialogues: Dialogues, folder: Path, options: Options, monitor: Monitor
) -> Results:
    """Search, choose on validation, run all seeds, score test once, compare.

    Parameters
    ----------
    study : Study
    dialogues : Dialogues
    folder : Path
        The runs are kept in its folder ``runs``; finished ones are not run again.
    options : Options
    monitor : Monitor
        Is told how the runs get on.
    """
    return _Conductor(study, dialogues, folder, options, monitor).results()


class _Conductor:
    def __init__(
        self, study: Study, dialogues: Dialogues, folder: Path, options: Options, monitor: Monitor
    ) -> None:
        self.study = study
        self.dialogues = dialogues
        self.runs = folder / "runs"
        self.options = options
        self.monitor = monitor

    def results(self) -> Results:
        rows = resolve(self.study, self.dialogues)
        searches = [self.search(row) for row in rows]
        self.complete("search", [run for search in searches for run in search])
        chosen = [self.choose(row, search) for row, search in zip(rows, searches, strict=True)]
        seeds = [self.seeds(row, one) for row, one in zip(rows, chosen, strict=True)]
        self.complete("seeds", [run for runs in seeds for run in runs])
        self.tidy([run for search in searches for run in search])
        predictions = [[TestPredictions(r) for r in runs if r.status == "done"] for runs in seeds]
        parts = zip(rows, searches, chosen, seeds, predictions, strict=True)
        found = [self.row_result(*part) for part in parts]
        by_name = {row.name: read for row, read in zip(found, predictions, strict=True)}
        return Results(
            study=self.study.name,
            title=self.study.title,
            about=self.study.about,
            axis=self.study.axis,
            baseline=self.study.baseline,
            protocol=self.options.protocol,
            seeds=self.options.seeds,
            data=self.describe_data(),
            environment=environment(),
            rows=compared(found, by_name, self.study.baseline),
        )

    def run(self, row: Row, candidate: Candidate, seed: int, test: TestUse) -> Run:
        return Run(
            runs=self.runs,
            name=row.setting.name,
            config=candidate.config,
            seed=seed,
            data=self.options.data,
            dataset_sha256=row.dataset_sha256,
            modalities=tuple(row.dialogues.features),
            test=test,
        )

    def search(self, row: Row) -> list[Run]:
        if len(row.candidates) < 2:
            return []
        return [self.run(row, candidate, SEARCH_SEED, "never") for candidate in row.candidates]

    def choose(self, row: Row, search: Sequence[Run]) -> Candidate | None:
        """Return the candidate that did best on validation, the first of equals."""
        if not search:
            return row.candidates[0] if row.candidates else None
        tried = zip(row.candidates, search, strict=True)
        scores = [(c, run.read()["val"]["weighted_f1"]) for c, run in tried if run.status == "done"]
        return max(scores, key=lambda scored: scored[1])[0] if scores else None

    def seeds(self, row: Row, chosen: Candidate | None) -> list[Run]:
        if chosen is None:
            return []
        test: TestUse = "every epoch" if self.options.protocol == "literature" else "once"
        return [self.run(row, chosen, seed, test) for seed in range(self.options.seeds)]

    def complete(self, title: str, runs: Sequence[Run]) -> None:
        """Work on the runs that are neither done nor, unless they are retried, failed."""
        different = list({run.key: run for run in runs}.values())
        skipped = ("done",) if self.options.retry else ("done", "failed")
        todo = [run for run in different if run.status not in skipped]
        self.monitor.began(title, different, todo)
        work_on(todo, self.options.jobs, self.monitor)

    def tidy(self, searches: Sequence[Run]) -> None:
        """Remove what only a chosen candidate would have gone on from."""
        for run in searches:
            if run.status == "done":
                run.seed_folder.remove_state()

    def row_result(
        self,
        row: Row,
        search: Sequence[Run],
        chosen: Candidate | None,
        seeds: Sequence[Run],
        predictions: Sequence[TestPredictions],
    ) -> RowResult:
        setting = row.setting
        runs = tuple(RunResult.of(run) for run in seeds)
        tried = zip(row.candidates, search, strict=bool(search))
        problem = row.problem
        if not problem and not any(run.status == "done" for run in runs):
            failed = [run.reason for run in (*seeds, *search) if run.status == "failed"]
            problem = failed[0]
        return RowResult(
            name=setting.name,
            group=setting.group,
            x=setting.x,
            system=setting.system,
            preset=setting.preset,
            modalities=tuple(row.dialogues.features),
            problem=problem,
            chosen={} if chosen is None else chosen.changes,
            config={} if chosen is None else asdict(chosen.config),
            search=tuple(Trial(one.changes, RunResult.of(run).untested) for one, run in tried),
            runs=runs,
            averaged=averaged_score(predictions),
            published=published(self.study.name, self.dialogues).get(setting.name),
        )

    def describe_data(self) -> dict[str, object]:
        dialogues = self.dialogues
        parts = {s: dialogues.select(dialogues.indices(s)) for s in ("train", "val", "test")}
        return {
            "name": dialogues.name,
            "source": self.options.data,
            "sha256": fingerprint(dialogues),
            "widths": dialogues.widths,
            "label_names": list(dialogues.label_names),
            "dialogues": {split: part.num_dialogues for split, part in parts.items()},
            "utterances": {split: part.num_utterances for split, part in parts.items()},
        }
