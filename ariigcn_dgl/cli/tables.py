"""Result tables in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean, stdev
from typing import Any

from rich.table import Table

from ariigcn_dgl.escape import cell
from ariigcn_dgl.training.calibration import BINS
from ariigcn_dgl.training.metrics import HEADLINE, TITLES, Scores


def spread(values: Sequence[float]) -> str:
    """Return mean ± sample standard deviation; the mean alone of one value.

    Examples
    --------
    >>> spread([60.0, 62.0])
    '61.00 ± 1.41'
    """
    if len(values) == 1:
        return f"{values[0]:.2f}"
    return f"{mean(values):.2f} ± {stdev(values):.2f}"


def seeds_table(
    runs: Mapping[int, Mapping[str, Any]],
    title: str,
    conducted: Sequence[str],
    averaged: Mapping[str, Any] | None = None,
) -> Table:
    """Return one row per seed, their mean ± standard deviation, in percent, and their average.

    Without test scores, as of a split without labels, there are those of validation only.
    `conducted` is what `ariigcn_dgl.training.protocol.conducted` says of the run; `averaged`
    are the scores of the mean of all seeds' probabilities.
    """
    caption = cell("; ".join(["percent", *conducted]))
    table = Table(title=cell(title), caption=caption, caption_justify="left", pad_edge=False)
    scored = all(run["test"] for run in runs.values())
    of_test = [f"test\n{TITLES[name]}" for name in HEADLINE if scored]
    for title in ("seed", "epoch\nkept", "val\nweighted F1", *of_test):
        table.add_column(title, justify="right", vertical="bottom")
    for seed, run in runs.items():
        table.add_row(str(seed), f"{run['best_epoch']}/{run['epochs']}", *_headline(run))
    if len(runs) > 1:
        table.add_section()
        columns = [[run["val"]["weighted_f1"] for run in runs.values()]]
        if scored:
            columns += [[run["test"][name] for run in runs.values()] for name in HEADLINE]
        table.add_row("mean ± sd", "", *map(spread, columns), style="bold")
    if averaged is not None:
        table.add_row("averaged", "", *_headline(averaged))
    return table


def _headline(run: Mapping[str, Any]) -> list[str]:
    scores = [run["val"]["weighted_f1"]]
    if run.get("test"):
        scores += [run["test"][name] for name in HEADLINE]
    return [f"{score:.2f}" for score in scores]


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


def scores_table(scores: Mapping[str, Scores], title: str, caption: str) -> Table:
    """Return one row for each seed's scores, in percent; beside them other rows by name."""
    table = Table(title=cell(title), caption=cell(caption))
    table.add_column("seed", justify="right")
    for name in HEADLINE:
        table.add_column(TITLES[name], justify="right")
    for name, found in scores.items():
        table.add_row(name, *(f"{value:.2f}" for value in found.headline().values()))
    return table


def classes_table(scores: Sequence[Mapping[str, Any]], title: str) -> Table:
    """Return precision, recall and F1 of every class, averaged over seeds."""
    table = Table(title=cell(title))
    table.add_column("class")
    for name in ("precision", "recall", "f1"):
        table.add_column(name.replace("f1", "F1"), justify="right")
    table.add_column("utterances", justify="right")
    for rows in zip(*(one["per_class"] for one in scores), strict=True):
        cells = [spread([row[name] for row in rows]) for name in ("precision", "recall", "f1")]
        table.add_row(cell(rows[0]["label"]), *cells, str(rows[0]["support"]))
    return table
