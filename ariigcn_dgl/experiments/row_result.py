"""One setting's runs, of one split or of all folds, put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal

from ariigcn_dgl.data.folds import Fold
from ariigcn_dgl.experiments.predictions import TestPredictions, averaged_score
from ariigcn_dgl.experiments.resolve import Candidate, Row
from ariigcn_dgl.experiments.results import Choice, RowResult, RunResult, Trial
from ariigcn_dgl.experiments.runs import Run
from ariigcn_dgl.training.scoring import Scoring


@dataclass
class Tried:
    """One candidate of a search and its run.

    Parameters
    ----------
    candidate : Candidate
    run : Run
    scoring : Scoring
        Of the study.
    pruned : int
        Epoch whose validation score ended it; 0: none did.
    kept : float, optional
        `score` of a run that was done once: another process may just be scoring test with it.
    """

    candidate: Candidate
    run: Run
    scoring: Scoring
    pruned: int = 0
    kept: float | None = None

    def keep(self) -> None:
        """Remember the score of a run that is done, while nobody else is in its folder."""
        if self.run.status == "done":
            self.kept = self.score

    @property
    def status(self) -> Literal["open", "done", "failed", "pruned"]:
        """The run's; "pruned" though its process may have come to its end before it was stopped."""
        if self.pruned:
            return "pruned"
        return self.run.status if self.kept is None else "done"

    @property
    def score(self) -> float:
        """Score on validation of a run that is done, the higher the better."""
        return self.scoring.merit(self.run.read()["val"]) if self.kept is None else self.kept

    @property
    def result(self) -> RunResult:
        """What became of it, without what choosing it may have added since."""
        if not self.pruned:
            return RunResult.of(self.run).untested
        fold = None if self.run.fold is None else self.run.fold.number
        reason = f"pruned after epoch {self.pruned}"
        return RunResult(self.run.key, self.run.seed, self.status, reason, fold=fold)


@dataclass
class Part:
    """One setting in one fold, as it is being worked on.

    Parameters
    ----------
    fold : Fold or None
        None: on the data set's own splits.
    row : Row
    search : list of Tried
        All candidates, or none where there is nothing to choose.
    chosen : Candidate or None
        None where nothing can be trained.
    seeds : list of Run
        Of what was chosen.
    """

    fold: Fold | None
    row: Row
    search: list[Tried] = field(default_factory=list)
    chosen: Candidate | None = None
    seeds: list[Run] = field(default_factory=list)

    @property
    def problem(self) -> str:
        """Why the part has no scores; "" where it has some."""
        if self.row.problem or any(run.status == "done" for run in self.seeds):
            return self.row.problem
        untried = [one.run for one in self.search if one.status == "open"]
        if untried:
            return f"its search is not finished: {untried[0].reason}"
        runs = (*self.seeds, *(one.run for one in self.search if not one.pruned))
        return next(run.reason for run in runs if run.status != "done")

    @property
    def trials(self) -> list[Trial]:
        """What the search tried."""
        return [
            Trial(one.candidate.changes, one.result, one.candidate is self.chosen)
            for one in self.search
        ]

    @property
    def choice(self) -> list[Choice]:
        """What the search chose; empty where there was nothing to choose from."""
        if self.chosen is None:
            return []
        fold = None if self.fold is None else self.fold.number
        return [Choice(self.chosen.changes, asdict(self.chosen.config), fold)]


def row_result(
    parts: Sequence[Part], scoring: Scoring, published: Mapping[str, float] | None
) -> tuple[RowResult, list[TestPredictions]]:
    """Return a setting's results, and the predictions of each seed that is done.

    Parameters
    ----------
    parts : sequence of Part
        The setting in every fold.
    scoring : Scoring
        Of the study.
    published : mapping of str to float, optional
        The paper's numbers.
    """
    setting, problems = parts[0].row.setting, [part.problem for part in parts if part.problem]
    runs, found = [], []
    for of_seed in zip(*(part.seeds for part in parts), strict=False):  # no seeds: a problem
        run, predictions = _seed(of_seed, scoring)
        runs.append(run)
        found += predictions
    row = RowResult(
        name=setting.name,
        group=setting.group,
        x=setting.x,
        against=setting.against,
        system=setting.system,
        preset=setting.preset,
        modalities=tuple(parts[0].row.dialogues.features),
        problem=problems[0] if problems else "",
        chosen=tuple(one for part in parts for one in part.choice),
        search=tuple(trial for part in parts for trial in part.trials),
        runs=tuple(runs),
        averaged=averaged_score(found),
        published=published,
    )
    return row, found


def _seed(runs: Sequence[Run], scoring: Scoring) -> tuple[RunResult, list[TestPredictions]]:
    """Return one seed's result over the folds, and its predictions if all of them are done."""
    results = [RunResult.of(run) for run in runs]
    if any(result.status != "done" for result in results):
        predictions = []
    else:
        predictions = [TestPredictions.pooled([TestPredictions.of(run, scoring) for run in runs])]
    if runs[0].fold is None:
        return results[0], predictions
    scores = predictions[0].scores if predictions else None
    # Of folds that an earlier version trained there is no temperature, and no after.
    known = predictions and all(result.calibration for result in results)
    errors = predictions[0].errors if known else None
    return RunResult.over_folds(results, scores, errors), predictions
