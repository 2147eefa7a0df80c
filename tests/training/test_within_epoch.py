"""A training that is stopped within an epoch goes on from there, with the same bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.training import trainer
from ariigcn_dgl.training.fit import fit
from ariigcn_dgl.training.prepare import prepare
from ariigcn_dgl.training.run_folder import RunFolder

RESULTS = ("model.safetensors", "metrics.jsonl", "uncalibrated.safetensors")


class _StoppedError(Exception):
    """Stands for whatever ends the process."""


@pytest.fixture(autouse=True)
def saved_after_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "CHECKPOINT_SECONDS", 0)
    monkeypatch.setattr(trainer, "CLOCK_STEPS", 1)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Callable[[int | None], list[int]]:
    """Let a training be stopped when it would take a step; count those that it takes."""
    original = trainer.Learner.step
    taken: list[int] = []
    allowed: list[int | None] = [None]

    def step(self: trainer.Learner, *arguments: object) -> dict[str, torch.Tensor]:
        if len(taken) == allowed[0]:
            raise _StoppedError
        taken.append(self.step_count)
        return original(self, *arguments)

    def allow(count: int | None) -> list[int]:
        taken.clear()
        allowed[0] = count
        return taken

    monkeypatch.setattr(trainer.Learner, "step", step)
    return allow


def _bytes(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in RESULTS}


@pytest.mark.parametrize("schedule", ["staged", "alternate"])
def test_training_that_is_stopped_within_epochs_has_the_bits_of_an_uninterrupted_one(
    dialogues: Dialogues, settings: Callable, steps: Callable, tmp_path: Path, schedule: str
) -> None:
    config = settings(
        adversarial=schedule, epochs=2, batch_size=3, ema_decay=0.9, modality_dropout=0.4
    )
    prepared = prepare(dialogues, config)
    taken = steps(None)
    fit(prepared, 0, tmp_path / "whole")
    every_step = list(taken)
    done: list[int] = []
    for _ in range(2):
        taken = steps(2)  # of three in an epoch
        with pytest.raises(_StoppedError):
            fit(prepared, 0, tmp_path / "stopped")
        done += taken
    taken = steps(None)
    fit(prepared, 0, tmp_path / "stopped")
    assert done + taken == every_step  # none was taken twice
    assert _bytes(tmp_path / "stopped") == _bytes(tmp_path / "whole")


def test_nothing_is_written_within_an_epoch_that_is_short(
    dialogues: Dialogues,
    settings: Callable,
    steps: Callable,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trainer, "CHECKPOINT_SECONDS", 300)
    steps(2)
    with pytest.raises(_StoppedError):
        fit(prepare(dialogues, settings(epochs=1, batch_size=3)), 0, tmp_path / "stopped")
    assert RunFolder(tmp_path / "stopped").read_checkpoint() is None
