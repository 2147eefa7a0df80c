"""``ariigcn report``: one HTML file, or one sentence and no file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ariigcn_dgl.cli import report_follow
from ariigcn_dgl.lock import locked
from ariigcn_dgl.seal import seal, unseal


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
    assert "1 seed of the run <bdi>two/seed1</bdi>" in html
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


REFRESH = '<meta http-equiv="refresh"'


@pytest.fixture
def half(copy: Path) -> Path:
    """Return a run whose second seed is not finished."""
    unseal(copy / "seed1")
    return copy


def test_training_is_followed_to_its_report(
    ariigcn: Callable, half: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, seen = tmp_path / "live.html", []

    def finish(seconds: float) -> None:
        seen.append(out.read_text(encoding="utf-8"))
        seed = half / "seed1"
        seal(seed, [p.name for p in seed.iterdir() if p.is_file() and p.name[0] != "."])

    monkeypatch.setattr(report_follow.time, "sleep", finish)
    with locked(half, "is in use"):
        outcome = ariigcn("report", half, "--follow", "--out", out)
    assert outcome.code == 0, outcome.err
    assert REFRESH in seen[0]
    assert "1 of 2 seeds finished" in seen[0]
    html = out.read_text(encoding="utf-8")
    assert REFRESH not in html
    assert 'id="results"' in html


def test_training_that_stopped_is_said_in_page_and_terminal(
    ariigcn: Callable, half: Path, tmp_path: Path
) -> None:
    out = tmp_path / "live.html"
    outcome = ariigcn("report", half, "--follow", "--out", out)
    assert outcome.code == 2
    sentence = "nobody trains; go on with: ariigcn train --resume"
    assert sentence in outcome.err
    html = out.read_text(encoding="utf-8")
    assert sentence in html
    assert REFRESH not in html


def test_interrupted_following_leaves_a_page_that_says_so(
    ariigcn: Callable, half: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(report_follow.time, "sleep", interrupt)
    with locked(half, "is in use"):
        assert ariigcn("report", half, "--follow", "--out", tmp_path / "live.html").code == 130
    html = (tmp_path / "live.html").read_text(encoding="utf-8")
    assert "Nobody writes this page any more" in html
    assert REFRESH not in html


def test_finished_training_needs_no_following(
    ariigcn: Callable, trained: Path, tmp_path: Path
) -> None:
    outcome = ariigcn("report", trained, "--follow", "--out", tmp_path / "live.html")
    assert (outcome.code, outcome.err) == (0, "")


def test_two_runs_cannot_be_followed(
    refused_report: Callable[..., str], trained: Path, half: Path
) -> None:
    assert "--follow: goes with one run, not 2" in refused_report(trained, half, "--follow")


@pytest.fixture
def study_of(tmp_path: Path) -> Path:
    """Return the folder of a study that is not finished."""
    path = tmp_path / "study"
    path.mkdir()
    (path / "experiment.json").write_text("{}")
    return path


def test_unfinished_study_is_refused(refused_report: Callable[..., str], study_of: Path) -> None:
    assert "has no results.json: its study is not finished" in refused_report(study_of)


def test_study_stands_alone(
    refused_report: Callable[..., str], study_of: Path, trained: Path
) -> None:
    assert "is the folder of a study: name it alone" in refused_report(study_of, trained)
    assert "--data: goes with runs" in refused_report(study_of, "--data", "synthetic")
    assert "--follow: goes with runs" in refused_report(study_of, "--follow")
