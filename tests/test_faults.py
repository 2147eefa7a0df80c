"""Commands end with the same bits after faults at some moments; broken promises are reported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# In a process of its own: what it forks would lack the threads that earlier tests have started.
SLOPPY = """
import sys
from pathlib import Path
from faults.__main__ import COMMANDS, main
from faults.commands import Command


def sloppy(arguments):
    {body}


def arguments(inputs, work):
    return [work / "out"]


COMMANDS.clear()
COMMANDS["sloppy"] = Command("sloppy", arguments, main=sloppy)
sys.exit(main(["--commands", "sloppy", "--moments", "{moments}", "--faults", *sys.argv[1:]]))
"""
IN_PLACE = """
    path = Path(arguments[0])
    with path.open("w") as file:
        file.write("half")
        file.flush()
        path.with_name("other").touch()
        file.write(" and half")
    path.with_name("other").unlink()
"""
TRACEBACK = """
    try:
        Path(arguments[0]).write_text("whole")
        Path(arguments[0]).unlink()
        Path(arguments[0]).write_text("whole")
    except OSError as error:
        raise ZeroDivisionError from error
"""
TEMPORARY = """
    path = Path(arguments[0])
    scratch = path.with_name(f"mine-{{__import__('os').getpid()}}")
    scratch.write_text("whole")
    scratch.rename(path)
"""


def _run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_commands_end_with_the_same_bits() -> None:
    options = ("--moments", "8", "--commands", "train", "predict", "data convert")
    faults = ("--faults", "SIGKILL", "SIGTERM", "SIGINT twice", "disk error", "file limit")
    done = _run("-m", "faults", *options, *faults)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 moments, 0 failures" in done.stdout


@pytest.mark.parametrize(
    ("body", "fault", "words"),
    [
        (IN_PLACE, "SIGKILL", "out: neither whole nor absent"),
        (TRACEBACK, "disk error", "ZeroDivisionError"),
        (TEMPORARY, "SIGKILL", "left behind at the end: mine-"),
    ],
)
def test_broken_promise_is_reported_with_the_command_that_repeats_it(
    body: str, fault: str, words: str
) -> None:
    done = _run("-c", SLOPPY.format(body=body.strip(), moments=6), fault)
    assert done.returncode == 1, done.stdout + done.stderr
    assert words in done.stdout
    assert f'again with: python -m faults --seed 0 --only "sloppy:{fault}:' in done.stdout
