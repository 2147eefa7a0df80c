"""``ariigcn report``: one HTML file, or one sentence and no file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ariigcn_dgl.seal import unseal


@pytest.fixture
def refused_report(refused: Callable[..., str], tmp_path: Path) -> Callable[..., str]:
    """Make a report, which must be refused without a file being written."""

    def run(*arguments: object) -> str:
        sentence = refused("report", *arguments, "--out", tmp_path / "report.html")
        assert not list(tmp_path.glob("*report*"))
        return sentence

    return run


@pytest.mark.slow
def test_page_of_a_run_with_its_data(
    ariigcn: Callable, trained: Path, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "report.html"
    outcome = ariigcn("report", trained, "--data", data, "--out", out)
    assert (outcome.code, outcome.err, outcome.out) == (0, "", f"report: {out}\n")
    html = out.read_text(encoding="utf-8")
    assert "<h1>ariigcn (tuned) on raw</h1>" in html
    assert "browser-data" in html


def test_page_of_one_seed_without_data(ariigcn: Callable, trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    assert ariigcn("report", trained / "seed1", "--out", out).code == 0
    html = out.read_text(encoding="utf-8")
    assert "1 seed of the run two/seed1" in html
    assert "browser-data" not in html


def test_no_run_is_refused(refused_report: Callable[..., str]) -> None:
    assert refused_report().startswith("name at least one run folder")


def test_folder_that_is_no_run_is_named(refused_report: Callable[..., str], data: Path) -> None:
    assert "not a run folder (no train.json)" in refused_report(data)


def test_unfinished_run_is_named(refused_report: Callable[..., str], copy: Path) -> None:
    unseal(copy / "seed1")
    sentence = refused_report(copy)
    assert "seed1: the training is not finished, go on with: ariigcn train --resume" in sentence


def test_run_named_twice_is_refused(refused_report: Callable[..., str], trained: Path) -> None:
    assert "is named twice" in refused_report(trained, trained)


def test_data_of_another_training_is_named(
    refused_report: Callable[..., str], trained: Path
) -> None:
    sentence = refused_report(trained, "--data", "synthetic")
    assert "synthetic: is not the data set that two was trained on (raw)" in sentence


def test_file_that_exists_is_refused_and_left_alone(
    refused: Callable[..., str], trained: Path, tmp_path: Path
) -> None:
    (tmp_path / "report.html").write_text("mine")
    sentence = refused("report", trained, "--out", tmp_path / "report.html")
    assert "report.html: exists already; choose another name" in sentence
    assert (tmp_path / "report.html").read_text() == "mine"
