"""``--device`` of the commands that apply or train models."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from ariigcn_dgl.cli import experiment
from ariigcn_dgl.conversation import label
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.experiments.conduct import Options
from ariigcn_dgl.training.trained import TrainedRun
from tests.elsewhere import elsewhere

pytestmark = pytest.mark.slow  # every command runs

Command = Callable[[str], tuple[object, ...]]
APPLYING = ("evaluate", "predict", "embed", "report")


@pytest.fixture
def command(trained: Path, data: Path, tmp_path: Path) -> Command:
    """Return the arguments of a command, with all that it needs."""
    out = ("--out", tmp_path / "out")
    arguments = {
        "evaluate": (trained, "--json", tmp_path / "out"),
        "predict": (trained, "--data", data, *out),
        "embed": (trained, *out),
        "report": (trained, "--data", data, *out),
        "experiment": ("main", "--data", data, *out),
    }
    return lambda name: (name, *arguments[name])


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note where each trained model is put."""
    found, original = [], TrainedRun.__init__

    def put(self: TrainedRun, *arguments: object) -> None:
        original(self, *arguments)
        found.append(self.model.device.type)

    monkeypatch.setattr(TrainedRun, "__init__", put)
    return found


@pytest.mark.parametrize("name", [*APPLYING, "experiment"])
def test_device_that_cannot_be_used_is_named_before_anything_is_written(
    refused: Callable, command: Command, used: list[str], tmp_path: Path, name: str
) -> None:
    assert "--device abacus: not usable here" in refused(*command(name), "--device", "abacus")
    assert list(tmp_path.iterdir()) == used == []


@pytest.mark.parametrize("options", [("--media", "film.mp4", "--out", "out"), ("--stream",)])
def test_predict_names_such_a_device_before_it_reads_anything(
    refused: Callable, options: tuple[str, ...]
) -> None:
    sentence = refused("predict", "nowhere", *options, "--device", "abacus")
    assert "--device abacus: not usable here" in sentence


@pytest.mark.parametrize("name", APPLYING)
def test_models_compute_on_the_device(
    ariigcn: Callable, command: Command, used: list[str], name: str
) -> None:
    with elsewhere() as device:
        outcome = ariigcn(*command(name), "--device", device)
    assert outcome.code == 0, outcome.err
    assert set(used) == {device}


def test_scores_on_the_device_are_those_of_the_training(
    ariigcn: Callable, command: Command, trained: Path, tmp_path: Path
) -> None:
    with elsewhere() as device:
        ariigcn(*command("evaluate"), "--device", device)
    record = json.loads((trained / "seed1" / "run.json").read_text())
    assert json.loads((tmp_path / "out").read_text())["1"]["test"] == record["test"]


def test_encoders_of_a_recording_compute_on_the_device(
    refused: Callable, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(*arguments: object) -> None:
        raise InputError(f"asked for {arguments[-2]}")

    monkeypatch.setattr(label, "load_encoders", load)
    options = ("--media", "film.mp4", "--out", tmp_path / "out")
    with elsewhere() as device:
        assert refused("predict", trained, *options, "--device", device) == f"asked for {device}"


def test_interrupted_study_goes_on_there_on_the_device(
    ariigcn: Callable, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def conduct(*arguments: object) -> None:
        asked.extend(one.device for one in arguments if isinstance(one, Options))
        raise KeyboardInterrupt

    monkeypatch.setattr(experiment, "conduct", conduct)
    with elsewhere() as device:
        outcome = ariigcn(*command("experiment"), "--device", device)
    assert asked == [device]
    assert f" --device {device} --out {command('experiment')[-1]}\n" in outcome.err


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", APPLYING)
def test_models_compute_on_a_gpu(
    ariigcn: Callable, command: Command, used: list[str], name: str
) -> None:
    outcome = ariigcn(*command(name), "--device", "cuda")
    assert outcome.code == 0, outcome.err
    assert set(used) == {"cuda"}
