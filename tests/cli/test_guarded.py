"""However a command ends, it is with a code and at most one sentence."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from ariigcn_dgl.cli.guarded import guarded
from ariigcn_dgl.cli.signals import Stopped
from ariigcn_dgl.out_of_memory import ADVICE

COMMAND = (sys.executable, "-m", "ariigcn_dgl", "data", "check", "--data", "synthetic")


def _end(
    error: BaseException, capsys: pytest.CaptureFixture[str], arguments: Sequence[str] = ()
) -> tuple[int, str]:
    """Return the code and the sentence of a program in which an error happens."""

    @guarded
    def main(arguments: Sequence[str] | None = None) -> None:
        raise error

    with pytest.raises(SystemExit) as end:
        main(arguments)
    return end.value.code, capsys.readouterr().err


def test_an_unexpected_error_is_one_sentence_and_a_file_that_describes_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code, sentence = _end(ZeroDivisionError("by zero"), capsys, ["train", "--out", "my run"])
    (file,) = tmp_path.iterdir()
    assert code == 70
    assert sentence == (
        f"ariigcn: an error in ariigcn itself, please report it with the file {file} "
        "(ZeroDivisionError: by zero)\n"
    )
    text = file.read_text()
    assert "\nariigcn train --out 'my run'\n" in text
    assert "torch 2." in text
    assert text.endswith("ZeroDivisionError: by zero\n")


def test_an_unexpected_error_is_said_where_no_file_can_be_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    code, sentence = _end(KeyError("a\x1b"), capsys)
    assert code == 70
    assert (
        sentence
        == r"ariigcn: an error in ariigcn itself, please report it (KeyError: 'a\x1b')" + "\n"
    )


def test_a_second_interruption_ends_the_answer_to_the_first(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _end(KeyboardInterrupt(), capsys) == (130, "")
    assert _end(Stopped(signal.SIGTERM), capsys) == (143, "")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate"),
        type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory"),
    ],
)
def test_too_little_memory_is_one_sentence_with_advice(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _end(error, capsys) == (2, f"ariigcn: {ADVICE}\n")


def test_a_file_that_cannot_be_used_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    code, sentence = _end(PermissionError(13, "Permission denied", "secret"), capsys)
    assert code == 2
    assert sentence == "ariigcn: secret: cannot be read or written: Permission denied\n"


@pytest.mark.slow
def test_a_reader_that_goes_away_ends_the_command_without_a_word() -> None:
    process = subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait() == 141
    process.stderr.close()


@pytest.mark.slow
def test_a_full_disk_behind_the_output_is_one_sentence() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(COMMAND, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == (
        "ariigcn: the output, or a file: cannot be read or written: No space left on device\n"
    )


def test_help_that_cannot_be_written_is_one_sentence() -> None:
    command = (sys.executable, "-m", "ariigcn_dgl", "--help")
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.endswith("cannot be read or written: No space left on device\n")


@pytest.mark.slow
def test_a_reader_of_a_benchmark_that_goes_away_ends_it_without_a_word() -> None:
    speeds = Path(__file__).parents[2] / "benchmarks" / "results" / "speed-plan.json"
    command = (sys.executable, "-m", "ariigcn_dgl", "benchmark", "--read", speeds)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141
