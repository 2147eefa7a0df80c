"""A study's results as JSON and as CSV."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ariigcn_dgl.experiments.completeness import lacks
from ariigcn_dgl.experiments.results import Results, RowResult, RunResult
from ariigcn_dgl.files import write_csv, write_json
from ariigcn_dgl.training.metrics import PER_CLASS
from ariigcn_dgl.training.scoring import flat

FORMAT = 2
RESULTS_FILE = "results.json"


def write_results(results: Results, folder: Path) -> None:
    """Write ``results.json``, with everything, and ``results.csv``, a line a run and test."""
    _write_json(results, folder / RESULTS_FILE)
    _write_csv(results, folder / "results.csv")


def _write_json(results: Results, path: Path) -> None:
    content: dict[str, Any] = {"format": FORMAT, "missing": lacks(results).missing}
    content |= asdict(results)
    for row, written in zip(results.rows, content["rows"], strict=True):
        written["scores"] = (
            {one.name: asdict(row.summary(one.name)) for one in results.metrics}
            if row.done
            else None
        )
        errors = {when: row.calibration_error(when) for when in ("before", "after")}
        written["calibration_error"] = {
            when: None if error is None else asdict(error) for when, error in errors.items()
        }
    write_json(path, content)


def _write_csv(results: Results, path: Path) -> None:
    lines = [
        {"setting": row.name, "group": row.group, "system": row.system, "use": use} | line
        for row in results.rows
        for use, lines in _uses(row, results.metric).items()
        for line in lines
    ]
    columns = list(dict.fromkeys(name for line in lines for name in line))
    write_csv(path, columns, ([line.get(name) for name in columns] for line in lines))


def _uses(row: RowResult, metric: str) -> dict[str, list[dict[str, Any]]]:
    """Return the cells of each line, by what the line is about."""
    uses = {
        "search": [_cells(trial.run, metric) for trial in row.search],
        "fold": [_cells(fold, metric) for run in row.runs for fold in run.folds],
        "seed": [_cells(run, metric) for run in row.runs],
    }
    for one in row.absences:
        tested = zip(one.seeds, one.tests, strict=True)
        uses[f"{one.modality} absent"] = [{"seed": s} | _test_cells(test) for s, test in tested]
    return uses


def _cells(run: RunResult, metric: str) -> dict[str, Any]:
    names = (
        "seed",
        "fold",
        "key",
        "status",
        "reason",
        "seconds",
        "parameters",
        "epochs",
        "best_epoch",
    )
    cells = {name: getattr(run, name) for name in names}
    if run.val is not None:
        cells |= {f"val_{name}": value for name, value in flat(run.val).items()}
    if run.calibration is not None:
        cells["temperature"] = run.calibration.get("temperature")  # none of all folds together
        errors = run.calibration.get("test", {})
        cells |= {f"test_ece_{when}": error for when, error in errors.items()}
    if run.test is not None:
        cells |= _test_cells(run.test)
    if run.best_test_epoch is not None:
        best = {name: x for name, x in run.best_test_epoch.items() if name == metric}
        cells |= {f"best_test_epoch_{name}": value for name, value in best.items()}
    return cells


def _test_cells(test: Mapping[str, Any]) -> dict[str, Any]:
    cells: dict[str, Any] = {f"test_{name}": value for name, value in flat(test).items()}
    for one in test.get("per_class", ()):
        known = bool(one["support"])
        cells |= {f"test_{one['label']}_{name}": one[name] if known else "" for name in PER_CLASS}
    return cells
