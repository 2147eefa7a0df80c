"""A study from its first search to its results; stopped anywhere, it goes on from there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ariigcn_dgl.data import Dialogues, fingerprint
from ariigcn_dgl.data.division import splits_in_words
from ariigcn_dgl.data.folds import Fold, folds_in_words, with_fold
from ariigcn_dgl.environment import environment
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.experiments.absences import with_absences
from ariigcn_dgl.experiments.compare import compared
from ariigcn_dgl.experiments.engine import Engine
from ariigcn_dgl.experiments.grid import GridSearch
from ariigcn_dgl.experiments.leases import Leases, held
from ariigcn_dgl.experiments.predictions import TestPredictions
from ariigcn_dgl.experiments.published import published
from ariigcn_dgl.experiments.queue import Monitor, Supply, work_on
from ariigcn_dgl.experiments.resolve import Candidate, resolve
from ariigcn_dgl.experiments.results import Results, RowResult
from ariigcn_dgl.experiments.row_result import Part, Tried, row_result
from ariigcn_dgl.experiments.runs import Run
from ariigcn_dgl.experiments.sampled_search import TRIALS_FILE, sampled_search
from ariigcn_dgl.experiments.study import Study
from ariigcn_dgl.training.prepare import TestUse, require_labels
from ariigcn_dgl.training.scoring import Scoring
from ariigcn_dgl.training.small_sample import seeds_warning

SEARCH_SEED = 0
Protocol = Literal["standard", "literature"]


@dataclass(frozen=True)
class Options:
    """How a study is conducted.

    Parameters
    ----------
    data : str
        Where the data set lies, or "synthetic".
    seeds : tuple of int
        Of the runs of each chosen setting.
    jobs : int
        Number of runs at a time.
    protocol : {"standard", "literature"}
        "literature": also record the best test epoch.
    retry : bool
        Try runs again that failed earlier.
    folds : int, optional
        Number of folds of a cross-validation; default: the data set's own splits.
    device : str
        Where all runs are trained, those at a time side by side.
    trials : int, optional
        Number of candidates that Optuna proposes of each setting; default: all combinations.
    targets : tuple of str, optional
        What is predicted, as of ``ariigcn train``; default: what the data set declares.
    """

    data: str
    seeds: tuple[int, ...]
    jobs: int
    protocol: Protocol
    retry: bool
    folds: int | None = None
    device: str = "cpu"
    trials: int | None = None
    targets: tuple[str, ...] | None = None


def conduct(
    study: Study,
    dialogues: Dialogues,
    dataset_sha256: str,
    folder: Path,
    options: Options,
    monitor: Monitor,
    engine: Engine | None = None,
) -> Results:
    """Search, choose on validation, run all seeds, score test once, compare.

    Parameters
    ----------
    study : Study
        What is compared.
    dialogues : Dialogues
        With all modalities, and labels in every split (`require_labels`).
    dataset_sha256 : str
        Fingerprint of the dialogues.
    folder : Path
        Exists. The runs are kept in its folder ``runs``; finished ones are not run again.
    options : Options
        How it is conducted.
    monitor : Monitor
        Is told how the runs get on.
    engine : Engine, optional
        What works on the runs; default: processes of this machine.

    Raises
    ------
    InputError
        If the study hides modalities and the dialogues have one alone, a fold's split has no
        labels, settings have other metrics where one is needed, or a file of the folder is damaged.
    """
    if study.absent and len(dialogues.features) < 2:
        raise InputError(
            f"{dialogues.name}: has {', '.join(dialogues.features)} alone, but the study "
            f"{study.name} tests without one modality at a time: it needs two"
        )
    conductor = _Conductor(study, dialogues, dataset_sha256, folder, options, monitor, engine)
    return conductor.results()


class _Conductor:
    def __init__(
        self,
        study: Study,
        dialogues: Dialogues,
        dataset_sha256: str,
        folder: Path,
        options: Options,
        monitor: Monitor,
        engine: Engine | None,
    ) -> None:
        self.study = study
        self.dialogues = dialogues
        self.dataset_sha256 = dataset_sha256
        self.folder = folder
        self.runs = folder / "runs"
        self.leases = Leases(folder / "leases")
        self.options = options
        self.monitor = monitor
        self.engine = engine
        baseline = next(one for one in study.settings if one.name == study.baseline)
        self.scoring = Scoring(dialogues.specs, baseline.config().training.metric)
        if options.trials is not None or options.protocol == "literature":
            self.refuse_other_metrics()

    def results(self) -> Results:
        parts = [
            Part(fold, row)
            for fold, split, sha256 in self.splits()
            for row in resolve(self.study, split, sha256, self.options.trials is not None)
        ]
        if self.options.trials is None:
            self.try_all(parts)
        else:
            self.sample(parts, self.options.trials)
        self.tidy([tried for part in parts for tried in part.search])
        return self.compared(parts)

    def refuse_other_metrics(self) -> None:
        """Refuse settings whose epochs have no score by which all are compared."""
        ours = self.scoring.metric
        for setting in self.study.settings:
            own = setting.config().training.metric
            if (found := Scoring(self.dialogues.specs, own).metric) != ours:
                raise InputError(
                    f"{setting.name}: is trained by {found} and {self.study.baseline} by {ours}: "
                    "--search optuna and --protocol literature need one --training.metric for all"
                )

    def compared(self, parts: Sequence[Part]) -> Results:
        paper = {} if self.options.folds else published(self.study.name, self.dialogues)
        rows, found = list[RowResult](), dict[str, list[TestPredictions]]()
        of_setting = {
            setting.name: [part for part in parts if part.row.setting is setting]
            for setting in self.study.settings
        }
        for name, own in of_setting.items():
            row, found[name] = row_result(own, self.scoring, paper.get(name))
            rows.append(row)
        whole = compared(rows, found, self.study.baseline)
        if self.study.absent:
            whole = with_absences(whole, of_setting, self.study.baseline, self.scoring)
        return Results(
            study=self.study.name,
            title=self.study.title,
            about=self.study.about,
            axis=self.study.axis,
            baseline=self.study.baseline,
            protocol=self.options.protocol,
            seeds=len(self.options.seeds),
            folds=self.options.folds,
            trials=self.options.trials,
            data=self.describe_data(),
            environment=environment(),
            rows=whole,
            metric=self.scoring.metric,
            metrics=self.scoring.named,
            size_warning=_size_warning(found.get(self.study.baseline) or ()),
        )

    def splits(self) -> Iterator[tuple[Fold | None, Dialogues, str]]:
        """Yield each fold with its dialogues and their fingerprint, which splits belong to."""
        number = self.options.folds
        if number is None:
            yield None, self.dialogues, self.dataset_sha256
            return
        for fold in (Fold(one, number) for one in range(number)):
            dialogues = with_fold(self.dialogues, fold)
            try:
                require_labels(dialogues)
            except InputError as error:
                raise InputError(f"fold {fold.number} (from 0) of {number}: {error}") from error
            yield fold, dialogues, fingerprint(dialogues)

    def run(self, part: Part, candidate: Candidate, seed: int, test: TestUse) -> Run:
        row = part.row
        return Run(
            runs=self.runs,
            name=row.setting.name,
            config=candidate.config,
            seed=seed,
            data=self.options.data,
            dataset_sha256=row.dataset_sha256,
            modalities=tuple(row.dialogues.features),
            fold=part.fold,
            test=test,
            device=self.options.device,
            splits=splits_in_words(row.dialogues),
            targets=self.options.targets,
        )

    def try_all(self, parts: Sequence[Part]) -> None:
        """Search every combination of choices, and run the seeds of what each search chooses."""
        for part in parts:
            candidates = part.row.candidates
            part.search = [self.tried(part, one) for one in candidates if len(candidates) > 1]
        grid = GridSearch(
            parts, self.decide, len(self.options.seeds), self.options.retry, self.leases
        )
        self.tidy_ended(grid.runs)
        self.monitor.began("runs", grid.runs, grid.todo, grid.later)
        self.work_on(grid)

    def sample(self, parts: Sequence[Part], trials: int) -> None:
        """Search what Optuna proposes."""
        possible = [part for part in parts if not part.row.problem]
        path = self.folder / TRIALS_FILE
        retry = self.options.retry
        with sampled_search(path, possible, trials, self.tried, self.monitor, retry) as search:
            self.monitor.began("search", search.runs, search.todo, search.later)
            self.work_on(search)
        for part in parts:
            self.decide(part)
        self.complete("seeds", [run for part in parts for run in part.seeds])

    def tried(self, part: Part, candidate: Candidate) -> Tried:
        return Tried(candidate, self.run(part, candidate, SEARCH_SEED, "never"), self.scoring)

    def decide(self, part: Part) -> None:
        """Choose a part's candidate, and make the runs of its seeds."""
        part.chosen = self.choose(part)
        part.seeds = self.seeds(part)

    def choose(self, part: Part) -> Candidate | None:
        """Return the candidate that did best on validation, the first of equals.

        None while one of them has still to be trained: it might be the best.
        """
        if not part.search:
            candidates = part.row.candidates
            return candidates[0] if candidates else None
        if any(tried.status == "open" for tried in part.search):
            return None
        scores = [(t.candidate, t.score) for t in part.search if t.status == "done"]
        return max(scores, key=lambda scored: scored[1])[0] if scores else None

    def seeds(self, part: Part) -> list[Run]:
        if part.chosen is None:
            return []
        test: TestUse = "every epoch" if self.options.protocol == "literature" else "once"
        return [self.run(part, part.chosen, seed, test) for seed in self.options.seeds]

    def complete(self, title: str, runs: Sequence[Run]) -> None:
        """Work on the runs that are neither done nor, unless they are retried, failed."""
        different = list({run.key: run for run in runs}.values())
        skipped = ("done",) if self.options.retry else ("done", "failed")
        todo = [run for run in different if run.status not in skipped]
        self.tidy_ended(different)
        self.monitor.began(title, different, todo)
        self.work_on(todo)

    def work_on(self, runs: Sequence[Run] | Supply) -> None:
        work_on(runs, self.options.jobs, self.monitor, self.leases, self.engine)

    def tidy_ended(self, runs: Sequence[Run]) -> None:
        """Remove what was left by a study that was killed when a run had just ended."""
        for run in runs:
            if run.status == "done" and run.untidy:
                with held(self.leases, run.key) as ours:  # else another's, who does it
                    if ours:
                        run.tidy()

    def tidy(self, searches: Sequence[Tried]) -> None:
        """Remove what only a chosen candidate would have gone on from."""
        for tried in searches:
            if tried.status in ("done", "pruned"):
                tried.run.seed_folder.remove_checkpoint()

    def divided(self) -> str:
        number = self.options.folds
        if number is None:
            return splits_in_words(self.dialogues)
        return f"{folds_in_words(self.dialogues, number)}, each the test split once"

    def describe_data(self) -> dict[str, object]:
        dialogues = self.dialogues.without_features()
        parts = {s: dialogues.part(s) for s in ("train", "val", "test")}
        return {
            "name": dialogues.name,
            "source": self.options.data,
            "sha256": self.dataset_sha256,
            "widths": self.dialogues.widths,
            "label_names": list(dialogues.label_names),
            "splits": self.divided(),
            "dialogues": {split: part.num_dialogues for split, part in parts.items()},
            "utterances": {split: part.num_utterances for split, part in parts.items()},
        }


def _size_warning(seeds: Sequence[TestPredictions]) -> str:
    if not seeds or not seeds[0].scoring.plain:
        return ""
    return seeds_warning("test", [one.hits for one in seeds], seeds[0].dialogues)
