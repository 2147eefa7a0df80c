"""A study's results, read back as they were written, or refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.experiments.read_results import read_results
from ariigcn_dgl.experiments.results import (
    Absence,
    Choice,
    Comparison,
    RowResult,
    RunResult,
    Trial,
)
from ariigcn_dgl.experiments.write_results import write_results
from tests.experiments.made_results import made_results

ROW = {"label": "joy", "precision": 50.0, "recall": 50.0, "f1": 50.0, "support": 2}
SCORES = {
    "weighted_f1": 50.0,
    "accuracy": 50.0,
    "macro_f1": 50.0,
    "per_class": [ROW],
    "confusion": [[2]],
}
DONE = RunResult("k1", 0, "done", "", 1.5, 3, 9, 100, SCORES, SCORES)
FAILED = RunResult("k2", 1, "failed", "it rained")
BASE = RowResult(
    name="base",
    group="",
    x=1.0,
    system="mlp",
    preset="paper",
    modalities=("text",),
    problem="",
    chosen=(Choice({"training.learning_rate": 0.1}, {"system": "mlp"}),),
    search=(Trial({"training.learning_rate": 0.1}, replace(DONE, test=None), True),),
    runs=(DONE, FAILED),
    averaged=51.0,
)
OTHER = replace(
    BASE,
    name="other",
    runs=(replace(DONE, folds=(replace(DONE, fold=0),)),),
    comparison=Comparison(1.0, -0.5, 2.5, 0.2, 0.4),
    absences=(Absence("text", (0,), (SCORES,)),),
)
RESULTS = made_results(BASE, OTHER, environment={"torch": "2"})


@pytest.fixture
def damaged(tmp_path: Path) -> Callable[[Callable[[Any], None]], str]:
    """Write results, change the file, and return why it is refused."""

    def refuse(change: Callable[[Any], None]) -> str:
        write_results(RESULTS, tmp_path)
        path = tmp_path / "results.json"
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))
        with pytest.raises(InputError) as caught:
            read_results(tmp_path)
        return str(caught.value).removeprefix(f"{path}: ")

    return refuse


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    write_results(RESULTS, tmp_path)
    assert read_results(tmp_path) == RESULTS


def test_folder_without_results_says_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no results\.json: its study is not finished"):
        read_results(tmp_path)


def test_other_format_is_named(damaged: Callable) -> None:
    assert damaged(lambda x: x.update(format=1)).startswith("format is 1, expected 2")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda x: x.pop("title"), "damaged: lacks 'title'"),
        (lambda x: x["rows"][0].pop("system"), "damaged: lacks 'rows.0.system'"),
        (lambda x: x.update(rows={}), "damaged: rows: expected a list, found dict"),
        (lambda x: x.update(rows=[]), "damaged: baseline: 'base' is no setting"),
        (
            lambda x: x["rows"][1].update(comparison={"difference": "much"}),
            "damaged: rows.1.comparison.difference: expected a finite number, found 'much'",
        ),
        (
            lambda x: x["rows"][0]["runs"][0]["test"].update(accuracy="high"),
            "damaged: accuracy: expected a finite number, found 'high'",
        ),
    ],
)
def test_damage_is_named(damaged: Callable, change: Callable, reason: str) -> None:
    assert damaged(change) == reason
