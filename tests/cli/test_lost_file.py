"""Every command that reads a finished run refuses it where one of its sealed files is gone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

TOP = ("train.json", "config.yaml", "summary.json")
OF_SEED = (
    *("run.json", "model.safetensors", "standardiser.safetensors", "uncalibrated.safetensors"),
    *("metrics.jsonl", "metrics.csv", "predictions.jsonl", "per_class.csv", "confusion.csv"),
)
SEALED = (*TOP, *(f"seed1/{name}" for name in OF_SEED))


def _line(command: str, run: Path, data: Path, out: Path) -> list[object]:
    name, *options = command.split()
    if command == "predict":
        options = ["--data", data]
    if name in ("report", "embed") or command == "predict":
        options += ["--out", out]
    return [name, *options, run]


@pytest.fixture
def refusal(refused: Callable[..., str], copy: Path, data: Path, tmp_path: Path) -> Callable:
    """Take a file away and return what a command says of the run, or of one of its seeds."""

    def run(command: str, name: str, seed: str = "") -> str:
        (copy / name).unlink()
        sentence = refused(*_line(command, copy / seed, data, tmp_path / "out"))
        assert not (tmp_path / "out").exists()
        assert sentence.startswith(
            f"{copy / name}: no such file, but seal.json beside it names it; "
        )
        return sentence

    return run


def test_all_sealed_files_are_tried(trained: Path) -> None:
    left = ("seal.json", ".lock")
    found = {path.name for path in trained.iterdir() if path.is_file()} - set(left)
    assert found == set(TOP)
    assert {path.name for path in (trained / "seed1").iterdir()} - set(left) == set(OF_SEED)


@pytest.mark.parametrize("name", SEALED)
@pytest.mark.parametrize("command", ["report", "evaluate", "predict", "predict --stream"])
def test_run_that_lost_a_file_is_refused(refusal: Callable, command: str, name: str) -> None:
    refusal(command, name)


@pytest.mark.parametrize("name", [name.replace("seed1", "seed0") for name in SEALED])
def test_embed_refuses_the_run(refusal: Callable, name: str) -> None:
    refusal("embed", name)  # it looks at the first seed only


@pytest.mark.parametrize("name", [name for name in SEALED if name != "summary.json"])
def test_training_that_would_go_on_is_refused(refusal: Callable, name: str) -> None:
    assert "put the right file there, or delete " in refusal("train --resume", name)


@pytest.mark.parametrize("command", ["report", "evaluate", "predict"])
@pytest.mark.parametrize("name", SEALED)
def test_one_seed_is_refused(refusal: Callable, command: str, name: str) -> None:
    refusal(command, name, "seed1")


def test_lost_summary_is_written_again(ariigcn: Callable, copy: Path) -> None:
    before = (copy / "summary.json").read_bytes()
    (copy / "summary.json").unlink()
    assert f"write it again with: ariigcn train --resume {copy}" in ariigcn("evaluate", copy).err
    assert ariigcn("train", "--resume", copy).code == 0
    assert (copy / "summary.json").read_bytes() == before
    assert ariigcn("evaluate", copy).code == 0


@pytest.mark.parametrize("name", ["dataset.json", "features.safetensors", "utterances.jsonl"])
def test_data_folder_that_lost_a_file_is_refused(
    refused: Callable[..., str], data: Path, tmp_path: Path, name: str
) -> None:
    copy = Path(shutil.copytree(data, tmp_path / "copy"))
    (copy / name).unlink()
    sentence = refused("train", "--data", copy, "--out", tmp_path / "run")
    assert f"{copy / name}: " in sentence
    assert "copy or make the data set again" in sentence


def test_training_on_data_without_a_seal_says_so(
    ariigcn: Callable, data: Path, small: tuple[str, ...], tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(data, tmp_path / "copy"))
    (copy / "seal.json").unlink()
    outcome = ariigcn("train", "--data", copy, "--out", tmp_path / "run", *small)
    assert outcome.code == 0
    assert outcome.err.startswith(
        f"{copy}: has no seal.json: nothing tells whether dataset.json is"
    )
