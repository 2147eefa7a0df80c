"""A study of what is no class: chosen, compared and shown by the target's own scores."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ariigcn_dgl.data import fingerprint, synthesise, write_folder
from ariigcn_dgl.data.source import load_source
from ariigcn_dgl.data.synth_config import SENTIMENT
from ariigcn_dgl.experiments.conduct import Options, conduct
from ariigcn_dgl.experiments.read_results import read_results
from ariigcn_dgl.experiments.resolve import resolve
from ariigcn_dgl.experiments.results import Comparison, Results, RowResult, RunResult
from ariigcn_dgl.experiments.study_file import load_study
from ariigcn_dgl.experiments.tables import main_table, tables
from ariigcn_dgl.experiments.write_results import write_results
from ariigcn_dgl.report.study import study_html
from ariigcn_dgl.training.scoring import Scoring
from tests.experiments.made_results import made_results

STUDY = """
title: Small systems
baseline: mlp
defaults:
  set: {training.epochs: 2, training.batch_size: 4, model.hidden_dim: 8}
  search: {training.learning_rate: [1.0e-7, 0.01]}
settings:
  - {name: mlp, system: mlp}
  - {name: bigru, system: bigru}
"""


def _row(name: str, *errors: float, **fields: Any) -> RowResult:
    """Return a setting whose seeds have these mean absolute errors."""
    scores = [{"targets": {"label": {"mae": mae, "ccc": mae / 10}}} for mae in errors]
    runs = [
        RunResult(f"{name}{seed}", seed, "done", val=one, test=one, parameters=9)
        for seed, one in enumerate(scores)
    ]
    common = {"group": "", "x": None, "system": "mlp", "preset": "paper", "modalities": ("text",)}
    return RowResult(name=name, problem="", chosen=(), search=(), runs=runs, **common | fields)


@pytest.fixture
def results() -> Results:
    """Return results of the mean absolute error of a score."""
    scoring = Scoring(synthesise(replace(SENTIMENT, train=1, val=1, test=1)).specs)
    named = tuple(one for one in scoring.named if one.name in ("label.mae", "label.ccc"))
    better = _row("b", 0.8, 0.9, comparison=Comparison(-0.2, -0.3, -0.1, 0.01, 0.01))
    rows = _row("base", 1.0, 1.1), better
    return made_results(*rows, metric="label.mae", metrics=named)


def test_table_has_the_scores_of_the_target_in_its_decimals(results: Results) -> None:
    table = main_table(results)
    assert table.header[1:4] == ("parameters", "MAE", "CCC")
    assert "ECE (before temperature)" not in table.header
    assert table.rows[0][2:4] == ("1.050 ± 0.071", "0.105 ± 0.007")
    assert "-0.200 (-0.30 to -0.10)" in table.rows[1]
    assert "MAE: the lower the better, a difference below 0 is a gain" in table.notes


def test_there_is_no_table_of_classes(results: Results) -> None:
    assert [table.title for table in tables(results)] == ["Mine: talk"]


def test_lower_error_is_found_to_be_better(results: Results) -> None:
    page = study_html(results)
    assert "b has the lowest MAE, 0.850 ± 0.071" in page
    assert "of 1 settings 1 is better than the baseline, base" in page


def test_results_of_a_target_come_back(results: Results, tmp_path: Path) -> None:
    write_results(results, tmp_path)
    found = read_results(tmp_path)
    assert (found.metric, found.metrics) == (results.metric, results.metrics)
    assert found.rows[1].summary("label.mae") == results.rows[1].summary("label.mae")
    assert "test_label.mae" in (tmp_path / "results.csv").read_text().splitlines()[0]


@pytest.mark.slow
def test_every_system_of_the_study_sentiment_learns_scores() -> None:
    dialogues = synthesise(replace(SENTIMENT, train=4, val=2, test=2))
    assert {row.problem for row in resolve(load_study("sentiment"), dialogues)} == {""}


@pytest.fixture
def run_study(tmp_path: Path, memory: Any) -> Callable[..., Results]:
    """Conduct a small study of sentiment; keywords are fields of `Options`, and `absent`."""
    made = synthesise(replace(SENTIMENT, train=8, val=3, test=6, length_mean=9.0, length_max=12))
    write_folder(made, tmp_path / "talk")
    (tmp_path / "small.yaml").write_text(STUDY)

    def run(**options: Any) -> Results:
        data = str(tmp_path / "talk")
        dialogues, out = load_source(data), tmp_path / "out"
        out.mkdir()
        absent = options.pop("absent", False)
        values = {"seeds": (0, 1), "jobs": 1, "protocol": "standard", "retry": False} | options
        study = replace(load_study(str(tmp_path / "small.yaml")), absent=absent)
        sha256 = fingerprint(dialogues)
        return conduct(study, dialogues, sha256, out, Options(data, **values), memory)

    return run


@pytest.mark.slow
def test_smallest_error_is_chosen_and_differences_are_those_of_the_answers(
    run_study: Callable, tmp_path: Path
) -> None:
    results = run_study(absent=True)
    assert results.metric == "label.mae"
    for row in results.rows:
        errors = [trial.run.val["targets"]["label"]["mae"] for trial in row.search]
        assert [trial.chosen for trial in row.search] == [error == min(errors) for error in errors]

    def read(row: RowResult) -> list[float]:
        found = []
        for run in row.runs:
            path = tmp_path / "out" / "runs" / run.key / f"seed{run.seed}" / "predictions.jsonl"
            lines = [json.loads(line)["targets"]["label"] for line in path.read_text().splitlines()]
            pairs = [(x["value"]["score"], x["prediction"]["score"]) for x in lines if x["value"]]
            found.append(float(np.mean([abs(truth - said) for truth, said in pairs])))
        return found

    mlp, bigru = map(read, results.rows)
    found = results.rows[1].comparison
    assert found.difference == pytest.approx(np.mean(bigru) - np.mean(mlp), abs=1e-5)
    assert found.low <= found.difference <= found.high
    assert results.rows[0].averaged <= np.mean(mlp)  # of a mean the error is never larger
    assert [one.modality for one in results.rows[0].absences] == ["text", "audio", "visual"]
    assert all(len(one.tests) == 2 for one in results.rows[1].absences)


@pytest.mark.slow
@pytest.mark.exhaustive
def test_folds_are_scored_together(run_study: Callable) -> None:
    results = run_study(folds=2, seeds=(0,))
    for row in results.rows:
        of_folds = [fold.test["targets"]["label"]["mae"] for fold in row.runs[0].folds]
        assert min(of_folds) <= row.summary("label.mae").mean <= max(of_folds)
