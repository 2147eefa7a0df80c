"""Result tables in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from ariigcn_dgl.data.targets import LABEL
from ariigcn_dgl.escape import cell
from ariigcn_dgl.training.calibration import BINS
from ariigcn_dgl.training.floors import FLOORS
from ariigcn_dgl.training.metrics import PER_CLASS, TITLES, Scores, spread
from ariigcn_dgl.training.scoring import Scoring, TargetScores, flat, target_of


def seeds_table(
    runs: Mapping[int, Mapping[str, Any]],
    title: str,
    conducted: Sequence[str],
    averaged: Mapping[str, Any] | None = None,
    metric: str = "",
) -> Table:
    """Return one row per seed, their mean ± standard deviation, in percent, and their average.

    Without test scores, as of a split without labels, there are those of validation only.
    `conducted` is what `ariigcn_dgl.training.protocol.conducted` says of the run; `averaged`
    are the scores of the mean of all seeds' probabilities; `metric` is the run's setting. Of
    targets beside classes the first scores are shown; `targets_table` has all.
    """
    scoring = Scoring.of_run(next(iter(runs.values())), metric)
    unit = "percent" if scoring.plain else "accuracies and F1 in percent"
    caption = cell("; ".join([unit, *conducted]))
    table = Table(title=cell(title), caption=caption, caption_justify="left", pad_edge=False)
    scored = all(run["test"] for run in runs.values())
    of_test = scoring.shown if scored else []
    titles = [f"test\n{scoring.title_of(name)}" for name in of_test]
    for title in ("seed", "epoch\nkept", f"val\n{scoring.title}", *titles):
        table.add_column(title, justify="right", vertical="bottom")
    columns = [("val", scoring.metric), *(("test", name) for name in of_test)]
    decimals = [scoring.columns[name].decimals for _, name in columns]
    values = {seed: _values(run, columns) for seed, run in runs.items()}
    for seed, run in runs.items():
        own = _cells(values[seed], decimals)
        table.add_row(str(seed), f"{run['best_epoch']}/{run['epochs']}", *own)
    if len(runs) > 1:
        table.add_section()
        each = zip(zip(*values.values(), strict=True), decimals, strict=True)
        table.add_row("mean ± sd", "", *(spread(x, d) for x, d in each), style="bold")
    if averaged is not None:
        # Without test scores, as of a split without labels, only those of validation.
        mean_scores = _values(averaged, [column for column in columns if averaged.get(column[0])])
        table.add_row("averaged", "", *_cells(mean_scores, decimals))
    return table


def _values(run: Mapping[str, Any], columns: Sequence[tuple[str, str]]) -> list[float]:
    return [flat(run[split])[name] for split, name in columns]


def _cells(values: Sequence[float], decimals: Sequence[int]) -> list[str]:
    return [f"{value:.{d}f}" for value, d in zip(values, decimals, strict=False)]


def targets_table(
    scoring: Scoring,
    tests: Sequence[Mapping[str, Any]],
    title: str,
    floors: Mapping[str, float] | None = None,
) -> Table:
    """Return every score of every target, averaged over seeds, beside that of the floors.

    Parameters
    ----------
    scoring : Scoring
    tests : sequence of mapping
        The split's scores of each seed, as ``run.json`` has them.
    title : str
    floors : mapping of str to float, optional
        As of `ariigcn_dgl.training.floors`.
    """
    made = dict.fromkeys(FLOORS[spec.kind] for spec in scoring.specs)
    caption = "accuracies and F1 in percent"
    if floors:
        caption += f"; floor: {', '.join(made)} on one utterance's features, fitted on train"
    table = Table(title=cell(title), caption=cell(caption), caption_justify="left")
    table.add_column("target")
    table.add_column("score")
    table.add_column("test" if floors else "value", justify="right")
    if floors:
        table.add_column("floor", justify="right")
    found = [flat(test) for test in tests]
    last = ""
    for name, metric in scoring.columns.items():
        target = target_of(name) or LABEL
        if last and target != last:
            table.add_section()
        cells = [cell("" if target == last else target), cell(metric.title)]
        cells.append(cell(spread([one[name] for one in found], metric.decimals)))
        if floors:
            cells.append(cell(f"{floors[name]:.{metric.decimals}f}"))
        table.add_row(*cells)
        last = target
    return table


def calibration_table(
    runs: Mapping[int, Mapping[str, Any]], title: str, averaged: Mapping[str, Any] | None = None
) -> Table:
    """Return each seed's temperature and expected calibration error on test, before and after it.

    `averaged` is the calibration of the mean of all seeds' probabilities.
    """
    caption = f"temperature chosen on validation; ECE, {BINS} bins, percent"
    table = Table(title=cell(title), caption=caption)
    for name in ("seed", "temperature", "test ECE before", "test ECE after"):
        table.add_column(name, justify="right")
    found = {str(seed): run["calibration"] for seed, run in runs.items()}
    for seed, one in found.items():
        table.add_row(seed, f"{one['temperature']:.2f}", *_errors(one))
    if len(found) > 1:
        table.add_section()
        errors = [[one["test"][when] for one in found.values()] for when in ("before", "after")]
        temperatures = [one["temperature"] for one in found.values()]
        table.add_row("mean ± sd", *map(spread, (temperatures, *errors)), style="bold")
    if averaged is not None:
        table.add_row("averaged", "", *_errors(averaged))
    return table


def _errors(calibration: Mapping[str, Any]) -> list[str]:
    return [f"{calibration['test'][when]:.2f}" for when in ("before", "after")]


def coverage_table(rows: Sequence[Mapping[str, Any]], title: str) -> Table:
    """Return what answering less is worth, as of `risk_coverage`."""
    caption = "bounds chosen on validation; percent"
    table = Table(title=cell(title), caption=caption)
    columns = {"coverage": 0, "answered": 1, "accuracy": 2, "weighted_f1": 2}  # and decimals
    for name in columns:
        table.add_column(TITLES.get(name, name), justify="right")
    for row in rows:
        table.add_row(*(f"{row[n]:.{d}f}" if n in row else "–" for n, d in columns.items()))
    return table


def scores_table(
    scores: Mapping[str, Scores | TargetScores], title: str, caption: str, scoring: Scoring
) -> Table:
    """Return one row for each seed's scores, in percent; beside them other rows by name."""
    table = Table(title=cell(title), caption=cell(caption))
    table.add_column("seed", justify="right")
    names = scoring.shown
    for name in names:
        table.add_column(scoring.title_of(name), justify="right")
    decimals = [scoring.columns[name].decimals for name in names]
    for seed, found in scores.items():
        values = found.headline()
        table.add_row(seed, *_cells([values[name] for name in names], decimals))
    return table


def classes_table(scores: Sequence[Mapping[str, Any]], title: str) -> Table:
    """Return precision, recall and F1 of every class, averaged over seeds."""
    table = Table(title=cell(title))
    table.add_column("class")
    for name in PER_CLASS:
        table.add_column(name.replace("f1", "F1"), justify="right")
    table.add_column("utterances", justify="right")
    for rows in zip(*(one["per_class"] for one in scores), strict=True):
        cells = [spread([row[name] for row in rows]) for name in PER_CLASS]
        table.add_row(cell(rows[0]["label"]), *cells, str(rows[0]["support"]))
    return table
