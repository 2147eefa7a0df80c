"""The page of a study: what was compared, what came out, and every run of it."""

from __future__ import annotations

from dataclasses import replace

from ariigcn_dgl.experiments.completeness import lacks
from ariigcn_dgl.experiments.figures import scores_figure
from ariigcn_dgl.experiments.results import Results, RowResult
from ariigcn_dgl.experiments.tables import (
    DIFFERENCE,
    OVER_FOLDS,
    P_HOLM,
    P,
    Table,
    seconds_text,
    spread,
    tables,
)
from ariigcn_dgl.report.page import isolated, render
from ariigcn_dgl.training.scoring import flat
from ariigcn_dgl.training.target_kinds import Metric

LEVEL = 0.05


def study_html(results: Results) -> str:
    """Return a page, one HTML file that opens offline, about a study.

    It holds aggregate figures only: no dialogue, no utterance.

    Parameters
    ----------
    results : Results
        Of a study that has ended, as `read_results` returns them.
    """
    found = tables(results)
    done = [row for row in results.rows if row.done]
    lacking = lacks(results)
    runs = {run.key: run for row in results.rows for run in row.trained}
    return render(
        "study.html",
        title=f"{results.title}, {results.data_name}",
        finding=finding(results),
        results=results,
        main=differences_first(found[0], results.score),
        others=found[1:],
        reasons=reasons(results),
        sentence=lambda note: sentence(note, results),
        picture=scores_figure(results) if done else None,
        picture_text="; ".join(f"{row.name} {_said(row, results.score)}" for row in done),
        scored=lambda test: f"{flat(test)[results.metric]:.{results.score.decimals}f}",
        missing=(*lacking.missing, *lacking.failed),
        time=seconds_text(list(runs.values())),
        browser=None,
    )


def differences_first(table: Table, score: Metric) -> Table:
    """Return the main table with what is compared right behind the score: a phone shows little."""
    first = ("setting", score.title, DIFFERENCE, OVER_FOLDS, P, P_HOLM)
    order = [table.header.index(name) for name in first if name in table.header]
    order += [place for place in range(len(table.header)) if place not in order]

    def turned(cells: tuple[str, ...]) -> tuple[str, ...]:
        return cells if len(cells) == 1 else tuple(cells[place] for place in order)

    return replace(table, header=turned(table.header), rows=tuple(map(turned, table.rows)))


def finding(results: Results) -> str:
    """Say which setting is best, and which differ from the baseline."""
    done = [row for row in results.rows if row.done]
    if not done:
        return "Nothing was scored."
    score = results.score
    best = max(done, key=lambda row: score.merit(row.summary(score.name).mean))
    most = "highest" if score.better == "higher" else "lowest"
    text = f"{isolated(best.name)} has the {most} {score.title}, {_said(best, score)}"
    compared = [row for row in done if row.comparison is not None]
    baseline = isolated(results.baseline)
    if not compared:
        return f"{text}."
    apart = [row for row in compared if row.comparison and row.comparison.p_holm < LEVEL]
    if not apart:
        return f"{text}; {_nothing_told(results, len(compared), baseline)}."
    gains = [score.merit(row.comparison.difference) for row in apart if row.comparison]
    better = sum(gain > 0 for gain in gains)
    counts = {"better": better, "worse": len(apart) - better}
    shown = " and ".join(
        f"{count} {'is' if count == 1 else 'are'} {how}" for how, count in counts.items() if count
    )
    return (
        f"{text}; of {len(compared)} settings {shown} than the baseline, {baseline} "
        f"(p below {LEVEL}, Holm)."
    )


def _nothing_told(results: Results, comparisons: int, baseline: str) -> str:
    """Say that no difference is certain, and whether the test could have found one at all."""
    count = _test_dialogues(results)
    # Of two to the power of the dialogues swaps, two are as extreme as the most extreme.
    if count is not None and comparisons * 2.0 ** (1 - count) > LEVEL:
        return (
            f"{count} test dialogue{'s'[: count != 1]} {'are' if count != 1 else 'is'} too few for "
            f"the test to tell any setting from the baseline, {baseline}, however large the "
            "difference (p, Holm)"
        )
    return f"no setting can be told from the baseline, {baseline} (p, Holm)"


def _test_dialogues(results: Results) -> int | None:
    counts = results.data.get("dialogues")
    if not counts:
        return None
    return counts["test"] if results.folds is None else sum(counts.values())


def reasons(results: Results) -> dict[str, str]:
    """Return why settings have no scores, by their names."""
    found = {}
    for row in results.rows:
        if not row.done:
            first = next((run for run in row.runs if run.test is None), None)
            reason = row.problem or (first.reason if first else "")
            how = "failed" if first and first.status == "failed" else "not run"
            found[row.name] = f"{how}: {reason}" if reason else how
    return found


def sentence(note: str, results: Results) -> str:
    """Return a note with a capital, unless it begins with a setting's name, which has none."""
    if any(note.startswith(f"{row.name}:") for row in results.rows):
        return f"{note}."
    return f"{note[0].upper()}{note[1:]}."


def _said(row: RowResult, score: Metric) -> str:
    return spread(row.summary(score.name), score.decimals)
