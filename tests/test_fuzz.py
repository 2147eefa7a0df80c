"""The fuzzer finds no fault in what is attacked every night, and does find those planted here."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ariigcn_dgl.errors import InputError
from fuzz import __main__ as fuzz
from fuzz.faults import ACCEPTED, Fault, tried
from fuzz.readers.reader import Reader
from fuzz.target import Case, Target, WrongAnswer
from fuzz.targets import READERS, TARGETS
from fuzz.worker import Limits, attack, case_of

pytestmark = pytest.mark.slow  # every target of the fuzzer is tried

ROOT = Path(__file__).parents[1]
NEVER = float("inf")


# In a process of its own: threads that tests before this one have left do not survive a fork.
def test_no_target_shows_a_fault(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "fuzz", "--inputs", "8"],
        cwd=tmp_path,
        env=os.environ | {"COLUMNS": "160", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert all(name in ended.stdout for name in TARGETS)


@pytest.mark.parametrize("kind", READERS, ids=lambda kind: kind.name)
def test_readers_accept_what_is_not_damaged(kind: type[Reader], tmp_path: Path) -> None:
    (tmp_path / "made-of").mkdir()
    (tmp_path / "input").mkdir()
    target = kind(tmp_path / "made-of")
    for seed in target.seeds:
        case = target.case(seed, seed.files[seed.name], "whole")
        assert tried(target, case, tmp_path / "input") == ACCEPTED, seed.name


class Faulty(Target):
    """Shows a fault of each kind, one after the other."""

    name = "faulty"

    def make(self, rng: random.Random) -> Case:
        return Case("bytes", {"a.txt": rng.randbytes(4)})

    def run(self, case: Case, folder: Path) -> None:
        number = int((self.folder / "number").read_text())
        (self.folder / "number").write_text(str(number + 1))
        FAULTS[list(FAULTS)[number]](folder)


def refuse(sentence: str) -> None:
    raise InputError(sentence)


def answer_wrongly(folder: Path) -> None:
    raise WrongAnswer("two")


FAULTS = {
    "crash": lambda folder: os.kill(os.getpid(), signal.SIGKILL),
    "hang": lambda folder: time.sleep(60),
    "exception": lambda folder: {}["x"],
    "memory": lambda folder: bytearray(1 << 34),
    "left": lambda folder: (folder / "b.txt").write_text("b"),
    "silent": answer_wrongly,
    "sentence": lambda folder: refuse("it is wrong"),
    "none": lambda folder: refuse(f"{folder / 'a.txt'}: is wrong"),
}


@pytest.fixture
def faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Target:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "number").write_text("0")
    return Faulty(tmp_path)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_each_kind_of_fault_is_reported(faulty: Target) -> None:
    faults = []
    limits = Limits(seconds=1, gigabytes=4)
    for event in attack(faulty, 0, 0, len(FAULTS), NEVER, limits):
        if isinstance(event, Fault):
            faults.append(event)
    assert [fault.kind for fault in faults] == list(FAULTS)[:-1]
    assert [fault.number for fault in faults] == list(range(len(faults)))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fault_is_kept_with_the_command_that_repeats_it(
    faulty: Target, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (faulty.folder / "number").write_text("2")
    monkeypatch.setitem(fuzz.TARGETS, "faulty", lambda folder: faulty)
    assert fuzz.main(["--targets", "faulty", "--inputs", "1", "--seed", "3"]) == 1
    kept = Path("build/fuzz/faulty/seed3-0")
    assert (kept / "input/a.txt").read_bytes() == case_of(faulty, 3, 0).files["a.txt"]
    again = "python -m fuzz --targets faulty --seed 3 --first 0 --inputs 1"
    assert again in (kept / "fault.txt").read_text()
    assert again in capsys.readouterr().out


def test_the_same_seed_makes_the_same_inputs(tmp_path: Path) -> None:
    target = TARGETS["json"](tmp_path)
    assert [case_of(target, 1, n) for n in range(20)] == [case_of(target, 1, n) for n in range(20)]
    assert case_of(target, 1, 0) != case_of(target, 2, 0)
