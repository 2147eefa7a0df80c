"""Names in a data set decide no path, and reach no terminal as they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ariigcn_dgl.data import load_dialogues, write_folder

TINY = ("--system=mlp", "--model.hidden_dim=8", "--training.epochs=1")
RED = "\x1b[31m"


@pytest.fixture
def hostile(data: Path, tmp_path: Path) -> Callable[..., Path]:
    """Write the data set with other names; keywords are fields of `Dialogues`."""

    def write(**names: object) -> Path:
        write_folder(replace(load_dialogues(data), **names), tmp_path / "hostile")
        return tmp_path / "hostile"

    return write


@pytest.mark.parametrize("name", ["../../escaped", "/tmp/escaped", "a\0b", "n" * 300, "\x1b"])
def test_training_is_written_into_the_folder_of_runs(
    ariigcn: Callable,
    hostile: Callable,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    folder = hostile(name=name)
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    assert ariigcn("train", "--data", folder, *TINY).code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"a", "hostile"}
    (run,) = (tmp_path / "a" / "runs").iterdir()
    assert (run / "train.json").exists()


def test_no_code_of_a_name_reaches_the_terminal(
    ariigcn: Callable, hostile: Callable, data: Path, tmp_path: Path
) -> None:
    labels = [f"{RED}{name}" for name in load_dialogues(data).label_names]
    folder, run = hostile(name=f"a{RED}", label_names=tuple(labels)), tmp_path / f"run{RED}"
    for command in (
        ("train", "--data", folder, "--out", run, *TINY),
        ("evaluate", run),
        ("data", "check", "--data", folder),
        ("data", "check", "--data", tmp_path / f"missing{RED}"),
    ):
        outcome = ariigcn(*command)
        said = outcome.out + outcome.err
        assert "\x1b" not in said
        assert r"\x1b[31m" in said


def test_names_are_shown_without_markup(
    ariigcn: Callable, hostile: Callable, data: Path, tmp_path: Path
) -> None:
    labels = [f"[b]{place}:smiley:" for place in range(load_dialogues(data).num_classes)]
    folder = hostile(label_names=tuple(labels))
    out = ariigcn("train", "--data", folder, "--out", tmp_path / "run", *TINY).out
    assert "[b]0:smiley:" in out


def test_a_training_that_diverged_is_said(ariigcn: Callable, data: Path, tmp_path: Path) -> None:
    options = (*TINY, "--training.learning_rate=100", "--training.batch_size=4")
    outcome = ariigcn("train", "--data", data, "--out", tmp_path / "run", *options)
    assert outcome.code == 0
    assert (
        "\nseed 0: training diverged: in the kept epoch 1 the classification loss " in outcome.err
    )
