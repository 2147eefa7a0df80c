"""Which runs a study lacks, of those that its table needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ariigcn_dgl.experiments.results import Results, RowResult, RunResult
from ariigcn_dgl.experiments.study import changes_text


@dataclass(frozen=True)
class Lacks:
    """Names of runs, each with the reason.

    Parameters
    ----------
    missing : tuple of str
        Killed, or never begun: the same command goes on with them.
    failed : tuple of str
        For want of them a setting has fewer scores than seeds, or none.
    candidates : tuple of str
        Of searches that had others to choose from.
    """

    missing: tuple[str, ...]
    failed: tuple[str, ...]
    candidates: tuple[str, ...]


def lacks(results: Results) -> Lacks:
    """Return the runs that a study lacks."""
    missing: list[str] = []
    failed: list[str] = []
    candidates: list[str] = []
    for row in results.rows:
        untried = list(_candidates(row, "open"))
        missing += [*untried, *_seeds(row, "open")]
        if untried and not row.runs:
            missing.append(f"{row.name}: all seeds (its search is not finished)")
        failed += _seeds(row, "failed")
        chosen_from = candidates if row.runs or untried else failed
        chosen_from += _candidates(row, "failed")
    return Lacks(tuple(missing), tuple(failed), tuple(candidates))


def _candidates(row: RowResult, status: str) -> Iterator[str]:
    for trial in row.search:
        if trial.run.status == status:
            yield _name(row, f"candidate {changes_text(trial.changes)}", trial.run)


def _seeds(row: RowResult, status: str) -> Iterator[str]:
    for run in (one for seed in row.runs for one in seed.folds or (seed,)):
        if run.status == status:
            yield _name(row, f"seed {run.seed}", run)


def _name(row: RowResult, what: str, run: RunResult) -> str:
    fold = "" if run.fold is None else f"fold {run.fold}, "
    return f"{row.name}: {fold}{what} ({run.reason})"
