"""One process at a time in a folder, and what others left is removed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.lock import locked

HOLD = """
import sys
from pathlib import Path
from ariigcn_dgl.lock import locked
with locked(Path(sys.argv[1]), "is in use"):
    print("locked", flush=True)
    sys.stdin.read()
"""


def _scratch(folder: Path) -> Path:
    left = folder / f".a.json.{'0' * 32}.tmp"
    left.touch()
    return left


def test_folder_of_another_process_is_refused_until_that_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, tmp_path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"locked\n"
        with pytest.raises(InputError, match=r"is in use$"), locked(tmp_path, "is in use"):
            pass
        process.kill()
    with locked(tmp_path, "is in use"):
        pass


def test_lock_moves_with_its_folder(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with locked(tmp_path / "a", ""):
        (tmp_path / "a").rename(tmp_path / "b")
        with pytest.raises(InputError, match=r"is in use$"), locked(tmp_path / "b", "is in use"):
            pass


def test_scratch_files_are_removed(tmp_path: Path) -> None:
    left = _scratch(tmp_path)
    with locked(tmp_path, ""):
        assert not left.exists()


def test_scratch_files_of_a_living_process_stay(tmp_path: Path) -> None:
    with locked(tmp_path, ""):
        left = _scratch(tmp_path)
        with pytest.raises(InputError), locked(tmp_path, ""):
            pass
        assert left.exists()


def test_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match="/a: cannot be written: No such file"),
        locked(tmp_path / "a", ""),
    ):
        pass
