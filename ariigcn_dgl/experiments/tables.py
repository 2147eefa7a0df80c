"""A study's results as tables of text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ariigcn_dgl.experiments.completeness import lacks
from ariigcn_dgl.experiments.results import (
    Absence,
    Comparison,
    Results,
    RowResult,
    RunResult,
)
from ariigcn_dgl.experiments.statistics import LEAST, Summary, summarise
from ariigcn_dgl.experiments.study import changes_text
from ariigcn_dgl.training.calibration import BINS
from ariigcn_dgl.training.metrics import PER_CLASS
from ariigcn_dgl.training.protocol import UNKNOWN_SPLITS, Protocol, protocol_of, protocols_in_words
from ariigcn_dgl.training.scoring import flat, target_of
from ariigcn_dgl.training.target_kinds import Metric

NOTHING = "–"
INCOMPLETE = " (incomplete)"
# Columns of what is compared with the baseline.
DIFFERENCE, OVER_FOLDS, P, P_HOLM = (
    "vs baseline (95 % over dialogues)",
    "95 % over folds",
    "p",
    "p (Holm)",
)


@dataclass(frozen=True)
class Table:
    """Text in rows and columns; a row of one cell is a heading.

    Parameters
    ----------
    title : str
    header : tuple of str
    rows : tuple of tuple of str
    notes : tuple of str
        Sentences below it.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def tables(results: Results) -> list[Table]:
    """Return the scores, those without modalities, of folds and classes, and the searches."""
    folds = [fold_table(results)] if results.folds is not None else []
    search = [search_table(results)] if any(row.search for row in results.rows) else []
    absence = [absence_table(results)] if any(row.absences for row in results.rows) else []
    parts = [part_table(results)] if any(one.of for one in results.metrics) else []
    classes = [class_table(results)] if results.has_classes else []
    return [main_table(results), *folds, *absence, *classes, *parts, *search]


def main_table(results: Results) -> Table:
    """Return one row a setting: scores on test, against the baseline, and beside the paper's."""
    score, decimals = results.score, results.score.decimals
    columns: dict[str, Callable[[RowResult], str]] = {
        "parameters": lambda row: f"{row.parameters:,}",
        score.title: _of_seeds(score),
    }
    if results.seeds >= LEAST:
        columns["95 % interval"] = lambda row: interval(row.summary(score.name), decimals - 1)
    others = [one for one in results.metrics if one != score and not one.of]
    columns |= {one.title: _of_seeds(one) for one in others}
    columns["seeds averaged"] = lambda row: (
        NOTHING if row.averaged is None else f"{row.averaged:.{decimals}f}"
    )
    if results.is_calibrated:
        columns["ECE (before temperature)"] = _calibration
    columns |= {
        DIFFERENCE: lambda row: _difference(row.name, row.comparison, results),
    }
    if results.folds is not None:
        columns[OVER_FOLDS] = lambda row: _over_folds(row, results)
    columns |= {
        P: lambda row: p_value(row.comparison.p) if row.comparison else NOTHING,
        P_HOLM: lambda row: p_value(row.comparison.p_holm) if row.comparison else NOTHING,
    }
    if results.protocol == "literature":
        columns["best test epoch (optimistic)"] = lambda row: spread(
            row.best_test_epoch(score.name), decimals
        )
    if any(row.published for row in results.rows):
        columns["paper, other features: F1 / acc."] = _published
    rows = [
        (
            row.name,
            *(
                cell(row) if row.done or cell is _published else NOTHING
                for cell in columns.values()
            ),
        )
        for row in results.rows
    ]
    return Table(
        f"{results.title}: {results.data_name}" + (INCOMPLETE if lacks(results).missing else ""),
        ("setting", *columns),
        tuple(_grouped(results, rows)),
        tuple(_notes(results)),
    )


def fold_table(results: Results) -> Table:
    """Return the score of the baseline, and what the others differ by, on each fold's test."""
    decimals, rows = results.score.decimals, []
    for row in results.rows:
        if row.name == results.baseline and row.done:
            scores = np.mean([run.fold_scores(results.metric) for run in row.done], axis=0)
            rows.append((row.name, *(f"{score:.{decimals}f}" for score in scores)))
        elif found := results.fold_differences(row):
            rows.append((row.name, *(f"{one:+.{decimals}f}" for one in found)))
    note = (
        f"{results.score.title} on the test split of each fold, mean over seeds: of "
        f"{results.baseline} the score, of the others the difference to what they are compared with"
    )
    header = ("setting", *(f"fold {number}" for number in range(results.folds or 0)))
    return Table("By fold", header, tuple(rows), (note,))


def absence_table(results: Results) -> Table:
    """Return the score of every setting with nothing absent, and without each modality."""
    names = dict.fromkeys(one.modality for row in results.rows for one in row.absences)
    header = ["setting", "nothing absent"]
    for name in names:
        header += [f"{name} absent", DIFFERENCE, P_HOLM]
    rows = []
    for row in results.rows:
        cells = [row.name, _of_seeds(results.score)(row) if row.done else NOTHING]
        found = {one.modality: one for one in row.absences}
        for name in names:
            cells += _absence(row, found.get(name), results)
        rows.append(tuple(cells))
    note = (
        f"{results.score.title} on test; the same trained models, tested once more with a modality "
        "hidden from all of the split; against the baseline without the same modality, p corrected "
        "for all comparisons of this table (Holm)"
    )
    return Table("With a modality absent at test", tuple(header), tuple(rows), (note,))


def _absence(row: RowResult, found: Absence | None, results: Results) -> list[str]:
    if found is None:
        return [NOTHING] * 3
    score = spread(found.summary(results.score.name), results.score.decimals)
    p = NOTHING if found.comparison is None else p_value(found.comparison.p_holm)
    return [score, _difference(row.name, found.comparison, results), p]


def class_table(results: Results) -> Table:
    """Return precision, recall and F1 of every class, averaged over seeds."""
    done = [row for row in results.rows if row.done]
    first = done[0].per_class() if done else []
    header = ("setting", *(f"{one['label']} ({one['support']})" for one in first))
    rows = [(row.name, *map(_of_class, row.per_class())) for row in done]
    note = "precision / recall / F1, mean over seeds; number of test utterances in brackets"
    return Table("By class", header, tuple(rows), (note,))


def _of_class(one: Mapping[str, Any]) -> str:
    if not one["support"]:
        return NOTHING
    return " / ".join(f"{one[name]:.1f}" for name in PER_CLASS)


def part_table(results: Results) -> Table:
    """Return the scores of each label or number alone."""
    parts = [one for one in results.metrics if one.of]
    rows = [(row.name, *(_of_seeds(one)(row) for one in parts)) for row in results.rows if row.done]
    header = ("setting", *(one.title for one in parts))
    return Table("By label or number", header, tuple(rows), ("on test, over seeds",))


def search_table(results: Results) -> Table:
    """Return every candidate of the searches with its score on validation."""
    score = results.score
    rows = [
        (
            row.name,
            *(() if results.folds is None else (str(trial.run.fold),)),
            changes_text(trial.changes),
            f"{flat(trial.run.val)[score.name]:.{score.decimals}f}" if trial.run.val else NOTHING,
            "chosen" if trial.chosen else trial.run.reason,
        )
        for row in results.rows
        for trial in row.search
    ]
    fold = () if results.folds is None else ("fold",)
    header = ("setting", *fold, "candidate", f"validation {score.title}", "")
    note = "one seed each, on validation only; the first of equals is chosen"
    if results.trials is not None:
        note += (
            f"; {results.trials} trials of each setting, drawn by Optuna (TPE) and pruned where "
            f"they are worse than the median of those before ({score.title} on validation)"
        )
    return Table("Search", header, tuple(rows), (note,))


def _of_seeds(metric: Metric) -> Callable[[RowResult], str]:
    return lambda row: spread(row.summary(metric.name), metric.decimals)


def spread(summary: Summary, decimals: int = 2) -> str:
    """Return "61.00 ± 1.41"."""
    more = "" if summary.sd is None else f" ± {summary.sd:.{decimals}f}"
    return f"{summary.mean:.{decimals}f}{more}"


def interval(bounds: Summary | Comparison, decimals: int = 1, sign: str = "") -> str:
    """Return "59.1 to 62.9"; with the sign "+", of differences, "-0.5 to +2.9"."""
    if bounds.low is None:
        return NOTHING
    return f"{bounds.low:{sign}.{decimals}f} to {bounds.high:{sign}.{decimals}f}"


def p_value(p: float) -> str:
    """Return a p-value with three decimals."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _difference(name: str, found: Comparison | None, results: Results) -> str:
    if name == results.baseline:
        return "baseline"
    if found is None:
        return NOTHING
    decimals = results.score.decimals
    return f"{found.difference:+.{decimals}f} ({interval(found, decimals - 1, '+')})"


def _over_folds(row: RowResult, results: Results) -> str:
    found = results.fold_differences(row)
    return interval(summarise(found), results.score.decimals - 1, "+") if found else NOTHING


def _calibration(row: RowResult) -> str:
    before, after = (row.calibration_error(when) for when in ("before", "after"))
    return f"{spread(after)} ({before.mean:.2f})" if before and after else NOTHING


def _published(row: RowResult) -> str:
    if not row.published:
        return NOTHING
    weighted_f1, accuracy = (row.published.get(name) for name in ("weighted_f1", "accuracy"))
    return " / ".join(NOTHING if x is None else str(x) for x in (weighted_f1, accuracy))


def _grouped(results: Results, rows: Sequence[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    group = ""
    for row, cells in zip(results.rows, rows, strict=True):
        if row.group != group:
            group = row.group
            yield (group,)
        yield cells


def _notes(results: Results) -> Iterator[str]:
    yield from _conducted(results)
    if results.size_warning:
        yield results.size_warning
    shares = [one.is_percentage for one in results.metrics]
    unit = "percent " if all(shares) else "accuracies and F1 in percent, " if any(shares) else ""
    over_seeds = (
        "interval: of the mean, over seeds (Student's t); " if results.seeds >= LEAST else ""
    )
    yield (
        f"{unit}on {_tested_on(results)}, mean ± standard deviation over {results.seeds} "
        f"seed{'s'[: results.seeds > 1]}; "
        f"{over_seeds}against the baseline, {results.baseline}: difference, its interval over test "
        "dialogues (bootstrap), p of a paired permutation test over test dialogues, two-sided, "
        "also corrected for all rows of the table (Holm)"
    )
    if results.folds is not None:
        yield (
            "the interval over dialogues, and p, take folds and trained models as they are; the "
            f"interval over folds is of the mean of the {results.folds} folds' differences "
            "(Student's t): what other speakers and other training data may change; somewhat too "
            "narrow, as the folds' trainings share data"
        )
    others = dict.fromkeys(row.against for row in results.rows if row.against)
    for other in others:
        names = ", ".join(f"'{row.name}'" for row in results.rows if row.against == other)
        yield f"compared with '{other}' in place of the baseline: {names}"
    if results.score.better == "lower":
        yield f"{results.score.title}: the lower the better, a difference below 0 is a gain"
    what = "probabilities" if results.is_calibrated else "answers"
    yield (
        f"seeds averaged: {results.score.title} of the mean of all seeds' {what}, one model of as "
        "many times the size; p does not refer to it"
    )
    if results.is_calibrated:
        yield (
            "ECE: expected calibration error, how far confidence and accuracy are apart in "
            f"{BINS} bins of confidence, with each seed's temperature chosen on validation; in "
            "brackets without it"
        )
    if results.protocol == "literature":
        yield (
            "best test epoch: chosen by looking at the test scores, as much of the literature "
            "does; too high by an unknown amount, not comparable with the other columns"
        )
    for row in results.rows:
        failed = [run for run in row.runs if run.test is None]
        if row.problem:
            yield f"{row.name}: not scored: {row.problem}"
        elif failed:
            done = f"{len(row.done)} of {len(row.runs)} seeds"
            how = "failed" if failed[0].status == "failed" else "is missing"
            yield f"{row.name}: {done}; seed {failed[0].seed} {how}: {failed[0].reason}"


def _conducted(results: Results) -> Iterator[str]:
    """Say how epochs and settings were chosen, how often test was scored, and on which splits."""
    trained = [row for row in results.rows if row.done and row.chosen]
    protocols = {row.name: _protocol(results, row) for row in trained}
    if protocols:
        yield from protocols_in_words(protocols)
    searched = [row for row in trained if row.search]
    if searched:
        scored = [number for row in searched for number in _scored(row)]
        least, most = min(scored), max(scored)
        number = f"{least}" if least == most else f"{least} to {most}"
        yield (
            f"of {len(searched)} of {len(trained)} settings a search chose the best of {number} "
            "candidates on validation, one seed each; the others had nothing to choose"
            if len(searched) < len(trained)
            else f"each setting is the best of {number} candidates on validation, one seed each"
        )
    yield f"splits: {results.data.get('splits') or UNKNOWN_SPLITS}"


def _scored(row: RowResult) -> Iterable[int]:
    """Return the number of candidates of each search, but those that failed."""
    return Counter(one.run.fold for one in row.search if one.run.status != "failed").values()


def _protocol(results: Results, row: RowResult) -> Protocol:
    run = row.done[0]
    own = row.chosen[0].config["training"].get("metric") or results.metrics[0].name
    title = next(
        one.title
        for one in results.metrics
        if own in (one.name, one.name.removeprefix(f"{target_of(one.name)}."))
    )
    found = protocol_of(
        row.system,
        row.preset,
        row.chosen[0].config["training"],
        (run.folds or (run,))[0].epochs or 0,
        "every epoch" if results.protocol == "literature" else "once",
        {name for trial in row.search for name in trial.changes},
    )
    return replace(found, metric=title)


def _tested_on(results: Results) -> str:
    if results.folds is None:
        return "test"
    return f"the test splits of all {results.folds} folds together"


def seconds_text(runs: Sequence[RunResult]) -> str:
    """Return how many runs took how long."""
    seconds = [run.seconds for run in runs if run.seconds is not None]
    return f"{len(seconds)} runs, {sum(seconds):.0f} s of training in all"
