"""A training process that is killed or interrupted goes on as if nothing had happened."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ariigcn_dgl.cli.signals import exit_code, stoppable

pytestmark = pytest.mark.slow  # trains in processes of their own

RESULTS = ("model.safetensors", "metrics.jsonl", "metrics.csv", "predictions.jsonl")
EPOCHS = 5


@pytest.fixture
def options(data: Path, small: tuple[str, ...]) -> tuple[object, ...]:
    """Return options of a training with batches of one dialogue, to make its epochs longer."""
    slow = ("--training.batch_size=1", f"--training.epochs={EPOCHS}", "--training.patience=9")
    return ("--data", data, *small, *slow, "--threads=1")


@pytest.fixture
def start(tmp_path: Path, options: tuple[object, ...]) -> Callable[[], subprocess.Popen[str]]:
    """Start a training in the folder `stopped`; return it in the middle of its third epoch."""

    def run() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "ariigcn_dgl", "train", "--out", tmp_path / "stopped", *options],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        assert process.stderr.readline().startswith("seed 0 epoch 1:")
        before = time.perf_counter()
        assert process.stderr.readline().startswith("seed 0 epoch 2:")
        time.sleep((time.perf_counter() - before) / 2)
        return process

    return run


def test_killed_training_goes_on_to_the_same_bits(
    start: Callable[[], subprocess.Popen[str]],
    options: tuple[object, ...],
    ariigcn: Callable,
    tmp_path: Path,
) -> None:
    with start() as process:
        process.kill()
    stopped = tmp_path / "stopped" / "seed0"
    assert process.returncode == -signal.SIGKILL
    assert 2 <= len((stopped / "metrics.jsonl").read_text().splitlines()) < EPOCHS
    assert not (stopped / "predictions.jsonl").exists()
    resumed = ariigcn("train", "--resume", tmp_path / "stopped")
    assert "seed 0 epoch 1:" not in resumed.err
    ariigcn("train", "--out", tmp_path / "whole", *options)
    whole = tmp_path / "whole" / "seed0"
    for name in RESULTS:
        assert (stopped / name).read_bytes() == (whole / name).read_bytes(), name


@pytest.mark.usefixtures("foreground")
@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, 130),
        pytest.param(signal.SIGTERM, 143, marks=pytest.mark.exhaustive),
        pytest.param(signal.SIGHUP, 129, marks=pytest.mark.exhaustive),
    ],
)
def test_interrupted_training_says_how_to_go_on(
    start: Callable[[], subprocess.Popen[str]],
    ariigcn: Callable,
    tmp_path: Path,
    number: int,
    code: int,
) -> None:
    with start() as process:
        process.send_signal(number)
        message = process.stderr.read()
    assert process.returncode == code
    assert f"go on with: ariigcn train --resume {tmp_path / 'stopped'}\n" in message
    assert message.count("\ninterrupted\n") == 1
    assert "Traceback" not in message
    assert ariigcn("train", "--resume", tmp_path / "stopped").code == 0


def test_training_that_is_interrupted_at_its_summary_says_how_to_go_on(
    ariigcn: Callable,
    data: Path,
    small: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ariigcn_dgl.training.seeds.seal", interrupt)
    stopped = ariigcn("train", "--data", data, *small, "--out", tmp_path / "out")
    assert stopped.code == 130
    assert f"go on with: ariigcn train --resume {tmp_path / 'out'}\n" in stopped.err


def test_hangup_that_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stoppable():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_signals_end_a_process_as_before_after_the_command(
    ariigcn: Callable, trained: Path
) -> None:
    ariigcn("evaluate", trained)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.usefixtures("foreground")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_that_comes_in_a_destructor_is_not_lost(number: int) -> None:
    class Dying:
        def __del__(self) -> None:
            signal.raise_signal(number)

    def command() -> None:
        with stoppable():
            Dying()
            time.sleep(60)

    with pytest.raises(KeyboardInterrupt) as interrupt:
        command()
    assert exit_code(interrupt.value) == 128 + number
