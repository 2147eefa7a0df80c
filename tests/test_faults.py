"""Commands end with the same bits after faults at some moments; broken promises are reported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # commands are killed and run again

ROOT = Path(__file__).parents[1]
# Programs that break a promise each, in place of the package's commands.
SLOPPY = """
import os
import sys
from pathlib import Path
from faults.__main__ import COMMANDS, main
from faults.commands import Command


def in_place(arguments):
    path = Path(arguments[0])
    with path.open("w") as file:
        file.write("half")
        file.flush()
        path.with_name("other").touch()
        file.write(" and half")
    path.with_name("other").unlink()


def traceback(arguments):
    try:
        Path(arguments[0]).write_text("whole")
    except OSError as error:
        raise ZeroDivisionError from error


def litter(arguments):
    path = Path(arguments[0])
    scratch = path.with_name(f"mine-{os.getpid()}")
    scratch.write_text("whole")
    scratch.rename(path)


COMMANDS.clear()
for sloppy in (in_place, traceback, litter):
    name = sloppy.__name__
    COMMANDS[name] = Command(name, lambda inputs, work: [work / "out"], main=sloppy)
options = ["--commands", *COMMANDS, "--faults", "SIGKILL", "disk error", "--moments", "15"]
sys.exit(main(options))
"""
FOUND = {
    "in_place, SIGKILL": "out: neither whole nor absent",
    "traceback, disk error": "ZeroDivisionError",
    "litter, SIGKILL": "left behind at the end: mine-",
}


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run in a process of its own: what it forks would lack threads that earlier tests started."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.exhaustive
def test_commands_end_with_the_same_bits() -> None:
    options = ("--moments", "6", "--commands", "train", "predict", "data convert")
    faults = ("--faults", "SIGKILL", "SIGTERM", "SIGINT twice", "disk error", "file limit")
    done = _run("-m", "faults", *options, *faults)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 moments, 0 failures" in done.stdout


@pytest.fixture(scope="module")
def reported() -> subprocess.CompletedProcess[str]:
    """Return how it ends where sloppy programs are stopped."""
    return _run("-c", SLOPPY)


@pytest.mark.parametrize(("where", "words"), FOUND.items(), ids=FOUND)
def test_broken_promise_is_reported_with_the_command_that_repeats_it(
    where: str, words: str, reported: subprocess.CompletedProcess[str]
) -> None:
    assert reported.returncode == 1, reported.stderr
    reports = reported.stdout.split("\n  again with: ")
    named = [n for n, one in enumerate(reports) if where in one and words in one]
    assert named, reported.stdout
    again = reports[named[0] + 1].splitlines()[0]
    assert again.startswith(f'python -m faults --seed 0 --only "{where.replace(", ", ":")}:')
