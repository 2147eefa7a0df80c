"""Results as Markdown, LaTeX and CSV, on a literal case."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from ariigcn_dgl.experiments.completeness import Lacks, lacks
from ariigcn_dgl.experiments.figures import draw
from ariigcn_dgl.experiments.render import latex, markdown, terminal
from ariigcn_dgl.experiments.results import (
    Absence,
    Choice,
    Comparison,
    Results,
    RowResult,
    RunResult,
    Trial,
)
from ariigcn_dgl.experiments.tables import (
    absence_table,
    class_table,
    fold_table,
    main_table,
    p_value,
    search_table,
    tables,
)
from ariigcn_dgl.experiments.write_results import write_results
from tests.experiments.made_results import made_results


def _scores(value: float) -> dict:
    rows = [
        {"label": "sad", "precision": value, "recall": value - 1, "f1": value - 2, "support": 3},
        {"label": "joy", "precision": 1.0, "recall": 2.0, "f1": 3.0, "support": 4},
    ]
    headline = {"weighted_f1": value, "accuracy": value + 1, "macro_f1": value - 1}
    return headline | {"per_class": rows, "confusion": [[2, 1], [0, 4]]}


def _run(seed: int, value: float) -> RunResult:
    best = {"epoch": 4, "weighted_f1": value + 2}
    scores = _scores(value)
    calibration = {"temperature": 2.0, "test": {"before": 20.0, "after": 2.0 + 2 * seed}}
    return RunResult(
        f"key{seed}", seed, "done", "", 1.5, 3, 9, 1234, scores, scores, best, calibration
    )


def _row(name: str, *values: float, **fields: object) -> RowResult:
    defaults = {
        "name": name,
        "group": "",
        "x": None,
        "system": "mlp",
        "preset": "paper",
        "modalities": ("text",),
        "problem": "",
        "chosen": (),
        "search": (),
        "runs": tuple(_run(seed, value) for seed, value in enumerate(values)),
    }
    return RowResult(**defaults | fields)


@pytest.fixture
def results() -> Results:
    trials = tuple(
        Trial({"training.learning_rate": rate}, replace(_run(0, value), test=None), value > 52)
        for rate, value in ((0.1, 50.0), (0.2, 55.0))
    )
    failed = RunResult("key9", 1, "failed", "it rained")
    rows = (
        _row(
            "base & co",
            60.0,
            62.0,
            search=trials,
            averaged=62.5,
        ),
        _row(
            "new_one",
            63.0,
            64.0,
            group="graphs",
            comparison=Comparison(2.5, -0.5, 4.25, 0.0004, 0.0402),
            published={"accuracy": 70.46, "weighted_f1": 70.36},
        ),
        _row("half", 61.0, group="graphs", runs=(_run(0, 61.0), failed)),
        _row("none", group="graphs", problem="there is no text"),
    )
    return made_results(*rows, about="What it is about.", baseline="base & co")


@pytest.mark.parametrize("width", [80, 140])
def test_tables_of_the_terminal_fit_and_leave_nothing_out(results: Results, width: int) -> None:
    for table in tables(results):
        text = io.StringIO()
        console = Console(file=text, width=width)
        console.print(*terminal(table, width), sep="\n")
        assert max(map(cell_len, text.getvalue().splitlines())) <= width
        cells = {cell.strip() for cell in re.split("[│\n]", text.getvalue())}
        assert {cell for row in table.rows for cell in row} <= cells
        words = set(text.getvalue().split())
        assert {word for name in table.header for word in name.split()} <= words


def test_titles_name_the_data_set_and_the_folds(results: Results) -> None:
    assert main_table(results).title == "Mine: talk"
    assert main_table(replace(results, folds=3)).title == "Mine: talk, 3 folds"


def _without_joy(run: RunResult) -> RunResult:
    sad, joy = run.test["per_class"]
    return replace(run, test=run.test | {"per_class": [sad, joy | {"support": 0}]})


def test_a_class_without_a_test_utterance_has_no_scores(results: Results, tmp_path: Path) -> None:
    row = results.rows[0]
    untested = replace(results, rows=(replace(row, runs=tuple(map(_without_joy, row.runs))),))
    table = class_table(untested)
    assert table.header == ("setting", "sad (3)", "joy (0)")
    assert table.rows == (("base & co", "61.0 / 60.0 / 59.0", "–"),)
    write_results(untested, tmp_path)
    with open(tmp_path / "results.csv", newline="", encoding="utf-8") as file:
        seeds = [line for line in csv.DictReader(file) if line["use"] == "seed"]
    assert [line["test_sad_f1"] for line in seeds] == ["58.0", "60.0"]
    assert [line["test_joy_f1"] for line in seeds] == ["", ""]


def test_candidates_that_failed_are_not_counted(results: Results) -> None:
    row = results.rows[0]
    first, second = row.search
    chosen = (Choice({}, {"training": {"epochs": 9, "selection": "best"}}),)
    for status, number in (("failed", 1), ("pruned", 2)):
        search = (replace(first, run=replace(first.run, status=status)), second)
        one = replace(results, rows=(replace(row, search=search, chosen=chosen),))
        assert f"each setting is the best of {number} candidates" in " ".join(main_table(one).notes)


def test_of_a_paper_that_prints_one_score_the_other_is_left_out(results: Results) -> None:
    first, second, *others = results.rows
    second = replace(second, published={"accuracy": 65.23})
    table = main_table(replace(results, rows=(first, second, *others)))
    assert table.rows[2][-1] == "– / 65.23"


def test_scores_of_the_settings(results: Results) -> None:
    table = main_table(results)
    assert table.header == (
        "setting",
        "parameters",
        "weighted F1",
        "accuracy",
        "macro F1",
        "seeds averaged",
        "ECE (before temperature)",
        "vs baseline (95 % over dialogues)",
        "p",
        "p (Holm)",
        "paper, other features: F1 / acc.",
    )
    first, heading, second, third, fourth = table.rows
    assert first == (
        "base & co",
        "1,234",
        "61.00 ± 1.41",
        "62.00 ± 1.41",
        "60.00 ± 1.41",
        "62.50",
        "3.00 ± 1.41 (20.00)",
        "baseline",
        "–",
        "–",
        "–",
    )
    assert heading == ("graphs",)
    assert second[2] == "63.50 ± 0.71"
    assert second[5:] == (
        "–",
        "3.00 ± 1.41 (20.00)",
        "+2.50 (-0.5 to +4.2)",
        "< 0.001",
        "0.040",
        "70.36 / 70.46",
    )
    assert third[2] == "61.00"
    assert fourth == ("none", *["–"] * 10)


def test_three_seeds_have_an_interval(results: Results) -> None:
    runs = tuple(_run(seed, 60.0 + seed) for seed in range(3))
    table = main_table(replace(results, seeds=3, rows=(_row("base & co", runs=runs),)))
    # 61 with a standard error of 1 / sqrt(3), t(0.975, 2) = 4.303
    assert table.rows[0][2:4] == ("61.00 ± 1.00", "58.5 to 63.5")
    assert table.header[3] == "95 % interval"


def test_a_setting_that_is_compared_with_another_is_named(results: Results) -> None:
    first, second, *others = results.rows
    other = replace(results, rows=(first, replace(second, against="half"), *others))
    assert "compared with 'half' in place of the baseline: 'new_one'" in main_table(other).notes


def test_what_has_no_score_is_told_with_its_reason(results: Results) -> None:
    notes = main_table(results).notes
    assert "half: 1 of 2 seeds; seed 1 failed: it rained" in notes
    assert "none: not scored: there is no text" in notes
    assert any("over 2 seeds" in note for note in notes)


def test_optimistic_column_is_there_only_when_asked_for(results: Results) -> None:
    header = "best test epoch (optimistic)"
    assert header not in main_table(results).header
    table = main_table(replace(results, protocol="literature"))
    place = table.header.index(header)
    assert table.rows[0][place] == "63.00 ± 1.41"
    assert any("chosen by looking at the test scores" in note for note in table.notes)


def test_markdown_has_scores_classes_and_searches(results: Results) -> None:
    text = markdown(results, tables(results))
    assert text.startswith("What it is about.\n\n## Mine: talk\n\n| setting | parameters |")
    assert "| **graphs** |  |  |" in text
    assert "| setting | sad (3) | joy (4) |" in text
    assert "| base & co | 61.0 / 60.0 / 59.0 | 1.0 / 2.0 / 3.0 |" in text
    assert "| base & co | learning_rate 0.1 | 50.00 |  |" in text
    assert "| base & co | learning_rate 0.2 | 55.00 | chosen |" in text
    widths = [line.count("|") for line in text.split("\n\n")[2].splitlines()]
    assert len(set(widths)) == 1


def test_latex_escapes_what_is_special(results: Results) -> None:
    text = latex(main_table(results))
    assert r"base \& co & 1,234 & 61.00 $\pm$ 1.41 &" in text
    assert r"new\_one & " in text
    assert r"vs baseline (95 \% over dialogues)" in text
    assert r"\multicolumn{11}{l}{\textit{graphs}} \\" in text
    assert "$<$ 0.001" in text
    body = [line for line in text.splitlines() if line.endswith(r"\\") and "multi" not in line]
    assert {line.replace(r"\&", "").count("&") for line in body} == {10}


def test_csv_has_a_line_for_every_run(results: Results, tmp_path: Path) -> None:
    write_results(results, tmp_path)
    with (tmp_path / "results.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [(line["setting"], line["use"]) for line in lines] == [
        *[("base & co", "search")] * 2,
        *[("base & co", "seed")] * 2,
        *[("new_one", "seed")] * 2,
        *[("half", "seed")] * 2,
    ]
    assert lines[0]["test_weighted_f1"] == ""
    assert lines[2]["test_weighted_f1"] == "60.0"
    assert lines[2]["test_sad_recall"] == "59.0"
    assert lines[2]["seconds"] == "1.5"
    assert [lines[2][f"test_ece_{when}"] for when in ("before", "after")] == ["20.0", "2.0"]
    assert lines[2]["temperature"] == "2.0"
    assert (lines[-1]["status"], lines[-1]["reason"]) == ("failed", "it rained")


def test_json_has_the_scores_over_seeds_too(results: Results, tmp_path: Path) -> None:
    write_results(results, tmp_path)
    content = json.loads((tmp_path / "results.json").read_text())
    assert content["rows"][0]["scores"]["weighted_f1"]["mean"] == 61.0
    assert content["rows"][0]["runs"][1]["test"]["weighted_f1"] == 62.0
    assert content["rows"][0]["calibration_error"]["after"]["mean"] == 3.0
    assert content["rows"][3]["scores"] is None
    assert content["rows"][3]["calibration_error"] == {"before": None, "after": None}


def test_a_seed_without_a_temperature_leaves_the_calibration_out(results: Results) -> None:
    older = replace(_run(1, 62.0), calibration=None)
    row = replace(results.rows[0], runs=(_run(0, 60.0), older))
    assert row.calibration_error("after") is None
    assert main_table(replace(results, rows=(row,))).rows[0][6] == "–"


def test_what_a_search_shows_has_no_calibration_on_test() -> None:
    assert _run(0, 50.0).untested.calibration is None


@pytest.mark.parametrize(("p", "text"), [(0.0009, "< 0.001"), (0.001, "0.001"), (1.0, "1.000")])
def test_p_values_have_three_decimals(p: float, text: str) -> None:
    assert p_value(p) == text


@pytest.mark.slow
def test_figures_are_drawn(results: Results, tmp_path: Path) -> None:
    assert draw(results, tmp_path) == "figures, as .png and .pdf: scores, confusion"
    assert (tmp_path / "scores.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "scores.pdf").read_bytes().startswith(b"%PDF")


def test_a_study_with_an_axis_gets_a_curve(results: Results, tmp_path: Path) -> None:
    rows = tuple(replace(row, x=place or None) for place, row in enumerate(results.rows[:3]))
    drawn = draw(replace(results, axis="margin", rows=rows), tmp_path)
    assert drawn == "figures, as .png and .pdf: curve, confusion"


def test_search_of_a_cross_validation_names_the_fold(results: Results) -> None:
    run = replace(_run(0, 50.0), test=None, fold=1)
    row = _row("one", 50.0, search=(Trial({"training.learning_rate": 0.1}, run, True),))
    table = search_table(replace(results, folds=3, rows=(row,)))
    assert table.header[:3] == ("setting", "fold", "candidate")
    assert table.rows == (("one", "1", "learning_rate 0.1", "50.00", "chosen"),)


def _folds_run(seed: int, *values: float) -> RunResult:
    """Return a seed whose folds have these scores."""
    folds = [replace(_run(seed, value), fold=number) for number, value in enumerate(values)]
    return replace(_run(seed, 60.0), folds=tuple(folds))


@pytest.fixture
def folded(results: Results) -> Results:
    base = _row(
        "base & co", runs=(_folds_run(0, 60.0, 70.0, 64.0), _folds_run(1, 62.0, 70.0, 66.0))
    )
    found = Comparison(2.0, 1.0, 3.0, 0.01, 0.02)
    runs = _folds_run(1, 65.0, 71.0, 68.0), _folds_run(7, 9.0, 9.0, 9.0)
    other = _row("new", runs=runs, comparison=found)
    missing = _row("none", problem="there is no text")
    return replace(results, folds=3, rows=(base, other, missing))


def test_differences_of_folds_are_of_the_seeds_that_both_have(folded: Results) -> None:
    table = fold_table(folded)
    assert table.header == ("setting", "fold 0", "fold 1", "fold 2")
    base, new = table.rows
    assert base == ("base & co", "61.00", "70.00", "65.00")
    assert new == ("new", "+3.00", "+1.00", "+2.00")
    assert table in tables(folded)


def test_an_interval_over_folds_stands_beside_that_over_dialogues(folded: Results) -> None:
    table = main_table(folded)
    place = table.header.index("95 % over folds")
    # 2 with a standard error of 1 / sqrt(3), t(0.975, 2) = 4.303
    assert [row[place] for row in table.rows] == ["–", "-0.5 to +4.5", "–"]
    assert table.rows[1][place - 1] == "+2.00 (+1.0 to +3.0)"


def test_of_another_row_differences_of_folds_are_to_that(folded: Results) -> None:
    base, new, _ = folded.rows
    third = _row(
        "third", runs=(_folds_run(1, 70.0, 70.0, 68.0),), against="new", comparison=new.comparison
    )
    found = fold_table(replace(folded, rows=(base, new, third)))
    assert found.rows[2] == ("third", "+5.00", "-1.00", "+0.00")


def test_without_folds_nothing_is_said_of_them(results: Results) -> None:
    assert "95 % over folds" not in main_table(results).header
    assert "By fold" not in [table.title for table in tables(results)]


@pytest.fixture
def lacking(results: Results) -> Results:
    """Return results of settings that were also tested without text."""
    base = Absence("text", (0, 1), (_scores(40.0), _scores(42.0)))
    other = replace(base, comparison=Comparison(1.5, -0.5, 4.25, 0.01, 0.02))
    rows = (replace(results.rows[0], absences=(base,)), replace(results.rows[1], absences=(other,)))
    return replace(results, rows=(*rows, *results.rows[2:]))


def test_scores_without_a_modality_stand_beside_those_with_all(lacking: Results) -> None:
    table = absence_table(lacking)
    assert table.header[:3] == ("setting", "nothing absent", "text absent")
    assert table.rows[0] == ("base & co", "61.00 ± 1.41", "41.00 ± 1.41", "baseline", "–")
    assert table.rows[1][2:] == ("41.00 ± 1.41", "+1.50 (-0.5 to +4.2)", "0.020")
    assert table.rows[2][1:] == ("61.00", "–", "–", "–")
    assert "## With a modality absent at test" in markdown(lacking, tables(lacking))


def test_csv_has_a_line_for_every_test_without_a_modality(lacking: Results, tmp_path: Path) -> None:
    write_results(lacking, tmp_path)
    with (tmp_path / "results.csv").open(newline="") as file:
        lines = [line for line in csv.DictReader(file) if line["use"] == "text absent"]
    assert [(line["setting"], line["seed"], line["test_weighted_f1"]) for line in lines] == [
        ("base & co", "0", "40.0"),
        ("base & co", "1", "42.0"),
        ("new_one", "0", "40.0"),
        ("new_one", "1", "42.0"),
    ]


def test_one_seed_over_folds_is_as_done_as_its_folds() -> None:
    done, failed = _run(0, 60.0), RunResult("key9", 0, "failed", "it rained", fold=1)
    joined = RunResult.over_folds([replace(done, fold=0), failed], None)
    assert (joined.status, joined.reason, joined.test) == ("failed", "it rained", None)
    assert [run.fold for run in joined.folds] == [0, 1]


HOSTILE = "=$\\x$ | <b>\n\x1b[31m\\input{x}"


@pytest.fixture
def hostile(results: Results) -> Results:
    rows = tuple(replace(row, name=f"{HOSTILE} {row.name}", group=HOSTILE) for row in results.rows)
    return replace(results, title=HOSTILE, about=HOSTILE, baseline=rows[0].name, rows=rows)


def test_names_break_no_line_of_markdown(hostile: Results) -> None:
    text = markdown(hostile, tables(hostile))
    lines = [line for line in text.split("## ")[1].splitlines() if line.startswith("|")]
    assert len({line.replace(r"\|", "").count("|") for line in lines}) == 1
    assert "<b>" not in text
    assert "\x1b" not in text


def test_names_give_latex_no_command_and_no_line(hostile: Results) -> None:
    text = latex(main_table(hostile))
    body = [line for line in text.splitlines() if not line.startswith(("%", "\\", "setting"))]
    assert all(line.startswith("=") and line.endswith(r"\\") for line in body)
    assert r"\input" not in "\n".join(body)


def test_names_are_no_formulas_in_csv(hostile: Results, tmp_path: Path) -> None:
    write_results(hostile, tmp_path)
    with (tmp_path / "results.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert {line["setting"][:2] for line in lines} == {"'="}


def test_names_are_no_mathematics_in_figures(hostile: Results, tmp_path: Path) -> None:
    assert draw(hostile, tmp_path) == "figures, as .png and .pdf: scores, confusion"


def test_a_run_that_is_missing_is_told_and_makes_the_table_incomplete(results: Results) -> None:
    killed = RunResult("key9", 1, "open", "killed")
    row = replace(results.rows[2], runs=(_run(0, 61.0), killed))
    found = replace(results, rows=(row,), baseline="half")
    assert main_table(found).title == "Mine: talk (incomplete)"
    assert "half: 1 of 2 seeds; seed 1 is missing: killed" in main_table(found).notes
    assert lacks(found) == Lacks(("half: seed 1 (killed)",), (), ())


def test_a_failed_seed_is_named_apart_from_missing_ones(results: Results) -> None:
    assert lacks(results) == Lacks((), ("half: seed 1 (it rained)",), ())


def _chosen(selection: str, epochs: int) -> tuple[Choice, ...]:
    return (Choice({}, {"training": {"selection": selection, "epochs": epochs}}),)


def test_a_study_says_which_epochs_each_setting_keeps(results: Results) -> None:
    base, new, half, none = results.rows
    rows = (
        replace(base, chosen=_chosen("best", 9)),
        replace(new, chosen=_chosen("last", 9)),
        replace(half, chosen=_chosen("best", 9)),
        none,
    )
    notes = main_table(replace(results, rows=rows)).notes
    assert notes[0] == (
        "the epoch with the best weighted F1 on validation is kept (base & co, half); the last of "
        "9 epochs is kept, a number that was set beforehand (new_one)"
    )
    assert "of 1 of 3 settings a search chose the best of 2 candidates on validation" in notes[2]


def test_a_study_names_its_splits(results: Results) -> None:
    data = {"name": "talk", "splits": "5 folds that share no speaker"}
    assert "splits: 5 folds that share no speaker" in main_table(replace(results, data=data)).notes


def test_test_after_every_epoch_is_not_told_as_once(results: Results) -> None:
    rows = (replace(results.rows[0], chosen=_chosen("best", 9)),)
    notes = main_table(replace(results, rows=rows, protocol="literature")).notes
    assert "test is scored after every epoch, which decides nothing" in notes
