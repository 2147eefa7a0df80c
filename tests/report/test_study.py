"""The page of a study."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from ariigcn_dgl.experiments.results import Comparison, Results, RowResult, RunResult
from ariigcn_dgl.report.study import finding, study_html
from tests.experiments.made_results import made_results

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


def _run(value: float, seed: int = 0) -> RunResult:
    row = {"label": "joy", "precision": value, "recall": value, "f1": value, "support": 2}
    scores = {"weighted_f1": value, "accuracy": value, "macro_f1": value}
    scores |= {"per_class": [row], "confusion": [[2]]}
    return RunResult(f"key{seed}", seed, "done", "", 1.5, 3, 9, 100, scores, scores)


def _row(name: str, value: float, difference: float | None = None, p: float = 0.01) -> RowResult:
    compared = None if difference is None else Comparison(difference, 0.5, 4.0, p, p)
    return RowResult(
        name, "", None, "mlp", "paper", ("text",), "", (), (), (_run(value),), comparison=compared
    )


@pytest.fixture
def results() -> Results:
    return made_results(_row("base", 60.0), _row("new", 62.5, 2.5), about="About & so on.", seeds=1)


def test_page_has_finding_table_picture_and_runs(results: Results) -> None:
    html = study_html(results)
    assert "<h1>Mine, talk</h1>" in html
    assert '<p class="finding">new has the highest weighted F1, 62.50' in html
    assert '<td class="number">+2.50 (+0.5 to +4.0)</td>' in html
    assert len(re.findall('<svg class="picture"', html)) == 1
    assert '<td class="code">runs/key0</td>' in html
    assert "browser-data" not in html


def test_differences_stand_right_behind_the_score(results: Results) -> None:
    head = re.search("<thead>.*?</thead>", study_html(results))[0]
    assert re.findall(r"<th [^>]*>(.*?)</th>", head)[:6] == [
        "setting",
        "weighted F1",
        "vs baseline (95 % over dialogues)",
        "p",
        "p (Holm)",
        "parameters",
    ]


def test_groups_stay_rows_of_one_heading(results: Results) -> None:
    rows = (results.rows[0], replace(results.rows[1], group="Others"))
    html = study_html(replace(results, rows=rows))
    assert re.search(r'<th scope="rowgroup" colspan="10" class="group">Others</th>', html)


def test_picture_needs_no_other_element(results: Results) -> None:
    (picture,) = re.findall(r'<svg class="picture".*?</svg>', study_html(results), re.DOTALL)
    assert not re.search(r"#|url\(|<use|<style|<image|\bid=", picture)


def test_curve_of_a_study_with_an_axis_needs_none_either(results: Results) -> None:
    rows = [replace(row, x=float(n + 1)) for n, row in enumerate(results.rows)]
    html = study_html(replace(results, axis="share of labels", rows=tuple(rows)))
    (picture,) = re.findall(r'<svg class="picture".*?</svg>', html, re.DOTALL)
    assert not re.search(r"#|url\(|<use|<style|<image|\bid=", picture)


def test_hostile_names_stay_text(results: Results) -> None:
    rows = (replace(results.rows[0], name=HOSTILE), results.rows[1])
    html = study_html(replace(results, rows=rows, baseline=HOSTILE, title=HOSTILE, about=HOSTILE))
    assert "<img" not in html
    assert "<script>alert" not in html


def test_finding_counts_what_differs_from_the_baseline(results: Results) -> None:
    rows = (*results.rows, _row("old", 50.0, -10.0), _row("same", 60.1, 0.1, p=0.9))
    assert finding(replace(results, rows=rows)) == (
        "new has the highest weighted F1, 62.50; of 3 settings 1 is better and 1 is worse "
        "than the baseline, base (p below 0.05, Holm)."
    )


def test_finding_says_where_nothing_can_be_told(results: Results) -> None:
    rows = (results.rows[0], _row("new", 62.5, 2.5, p=0.3))
    assert finding(replace(results, rows=rows)).endswith(
        "; no setting can be told from the baseline, base (p, Holm)."
    )


@pytest.mark.parametrize(
    ("dialogues", "folds"), [({"test": 5}, None), ({"train": 3, "test": 2}, 2)]
)
def test_finding_says_where_dialogues_are_too_few_to_tell_anything(
    results: Results, dialogues: dict[str, int], folds: int | None
) -> None:
    rows = (results.rows[0], _row("new", 62.5, 2.5, p=0.3))
    data = {"name": "talk", "dialogues": dialogues}
    assert finding(replace(results, rows=rows, data=data, folds=folds)).endswith(
        "; 5 test dialogues are too few for the test to tell any setting from the baseline, base, "
        "however large the difference (p, Holm)."
    )


def test_finding_does_not_blame_dialogues_that_are_enough(results: Results) -> None:
    rows = (results.rows[0], _row("new", 62.5, 2.5, p=0.3))
    data = {"name": "talk", "dialogues": {"test": 6}}  # 2 of 64 swaps: p of 0.03
    assert "too few" not in finding(replace(results, rows=rows, data=data))


def test_setting_without_scores_has_the_reason_in_its_row(results: Results) -> None:
    rows = (results.rows[0], replace(results.rows[1], runs=(), problem="lacks visual"))
    html = study_html(replace(results, rows=rows))
    assert '<td class="reason" colspan="9">not run: lacks visual</td></tr>' in html


def test_numbers_of_the_paper_stay_beside_the_reason(results: Results) -> None:
    failed = RunResult("key1", 1, "failed", "it rained")
    row = replace(results.rows[1], runs=(failed,), published={"weighted_f1": 70.5})
    html = study_html(replace(results, rows=(results.rows[0], row)))
    row = (
        '<td class="reason" colspan="9">failed: it rained</td><td class="number">70.5 / –</td></tr>'
    )
    assert row in html


def test_names_of_settings_get_no_capital(results: Results) -> None:
    rows = (results.rows[0], replace(results.rows[1], runs=(), problem="it rained"))
    html = study_html(replace(results, rows=rows))
    assert ">new: not scored: it rained.</p>" in html
    assert ">Splits: not recorded.</p>" in html


def test_title_of_the_picture_is_in_lines(results: Results) -> None:
    html = study_html(replace(results, title="One title that goes on " * 5))
    (picture,) = re.findall(r'<svg class="picture".*?</svg>', html, re.DOTALL)
    lines = re.findall(">(One title[^<]*|[^<]*goes on[^<]*)<", picture)
    assert len(lines) > 1
    assert max(map(len, lines)) <= 64


def test_runs_that_are_missing_are_named(results: Results) -> None:
    failed = RunResult("key1", 1, "failed", "it rained")
    rows = (replace(results.rows[0], runs=(_run(60.0), failed)), results.rows[1])
    html = study_html(replace(results, rows=rows))
    assert (
        "Incomplete: 1 run the table needs is missing or failed: base: seed 1 (it rained)" in html
    )


def test_study_that_scored_nothing_says_so(results: Results) -> None:
    rows = tuple(replace(row, runs=(), problem="it rained") for row in results.rows)
    html = study_html(replace(results, rows=rows))
    assert "Nothing was scored." in html
    assert "<svg" not in html
