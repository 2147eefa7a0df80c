"""Tries inputs in a child process that may die: a crash or a hang costs one input and is named."""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import random
import resource
import shutil
import signal
import struct
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from ariigcn_dgl.available_memory import address_space
from fuzz.faults import ACCEPTED, Fault, Outcome, tried
from fuzz.target import Case, Target

BATCH = 2000  # inputs of one child, so that what one leaves in memory ends with it
POLL_SECONDS = 0.02
_OF_TORCH = "torchinductor_"  # its cache, which it keeps among temporary files
_PROGRESS = struct.Struct("qqd")  # which input is tried, how many were accepted, since when


@dataclass(frozen=True)
class Count:
    """How many inputs a child has tried, and how many of them were accepted."""

    tried: int
    accepted: int


@dataclass(frozen=True)
class Limits:
    """What one input may take.

    Parameters
    ----------
    seconds : float
        Until it counts as a hang.
    gigabytes : float
        Of address space, beside that of the process before it; 0 sets no limit, as the address
        sanitizer needs.
    """

    seconds: float = 20.0
    gigabytes: float = 3.0


def case_of(target: Target, seed: int, number: int) -> Case:
    """Return the target's input of this number: the same ever again."""
    return target.make(random.Random(f"{seed}/{target.name}/{number}"))


def attack(
    target: Target, seed: int, first: int, inputs: int, until: float, limits: Limits
) -> Iterator[Fault | Count]:
    """Try inputs by their numbers from `first` until there are enough, or time is up.

    Yields
    ------
    Fault or Count
        Each fault when its child has ended; then what that child has done.
    """
    end = first + inputs
    while first < end and time.monotonic() < until:
        faults, count = _child(target, seed, first, min(end, first + BATCH), until, limits)
        yield from faults
        yield count
        first += count.tried


def _child(
    target: Target, seed: int, first: int, end: int, until: float, limits: Limits
) -> tuple[list[Fault], Count]:
    """Return the faults of the inputs from `first`, and how many were tried."""
    progress = mmap.mmap(-1, _PROGRESS.size)
    progress[:] = _PROGRESS.pack(first, 0, time.monotonic())
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        report = Path(name) / "faults.jsonl"
        report.touch()
        pid = os.fork()
        if pid == 0:
            _in_child(target, seed, range(first, end), until, limits, progress, Path(name))
        status, slow = _ended(pid, progress, limits)
        faults = [Fault(**json.loads(line)) for line in report.read_text().splitlines()]
        said = _last_words(Path(name) / "stderr")
    number, accepted, _ = _PROGRESS.unpack(progress)
    broken = Count(number + 1 - first, accepted)  # at this input
    if slow:
        what = f"took more than {limits.seconds:g} s"
        return [*faults, Fault(number, "hang", what, "limit of time")], broken
    code = os.waitstatus_to_exitcode(status)
    if code != 0:
        name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return [*faults, Fault(number, "crash", f"{name} {said}".strip(), name)], broken
    return faults, Count(number - first, accepted)


def _in_child(
    target: Target,
    seed: int,
    numbers: range,
    until: float,
    limits: Limits,
    progress: mmap.mmap,
    root: Path,
) -> None:
    """Try inputs, write faults down, and end the process."""
    code, accepted = 1, 0
    try:
        os.setsid()
        _quiet(root)
        if limits.gigabytes:
            most = address_space() + int(limits.gigabytes * 2**30)
            resource.setrlimit(resource.RLIMIT_AS, (most, most))
        tempfile.tempdir = str(root / "tmp")
        Path(tempfile.tempdir).mkdir()
        with (root / "faults.jsonl").open("a") as report:
            for number in numbers:
                if time.monotonic() >= until:
                    break
                progress[:] = _PROGRESS.pack(number, accepted, time.monotonic())
                outcome = _one(target, case_of(target, seed, number), root / "input")
                if not isinstance(outcome, str):
                    report.write(json.dumps(asdict(Fault(number, *outcome))) + "\n")
                    report.flush()
                accepted += outcome == ACCEPTED
                progress[:] = _PROGRESS.pack(number + 1, accepted, time.monotonic())
        code = 0
    except BaseException:  # whatever it is, the parent is told
        traceback.print_exc()
    finally:
        os._exit(code)


def _one(target: Target, case: Case, folder: Path) -> Outcome:
    folder.mkdir(exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcome = tried(target, case, folder)
    for name in os.listdir(folder):  # folders that the input had
        shutil.rmtree(folder / name, ignore_errors=True)
    lost = [name for name in os.listdir(tempfile.tempdir) if not name.startswith(_OF_TORCH)]
    for name in lost:
        path = Path(tempfile.tempdir, name)
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    if lost and isinstance(outcome, str):
        return "left", f"the folder for temporary files holds {', '.join(lost)[:200]}", "temporary"
    return outcome


def _quiet(root: Path) -> None:
    """Send what the child writes into a file; give it nothing to read."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    nothing = os.open(os.devnull, os.O_RDWR)
    errors = os.open(root / "stderr", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for source, place in ((nothing, 0), (nothing, 1), (errors, 2)):
        os.dup2(source, place)


def _ended(pid: int, progress: mmap.mmap, limits: Limits) -> tuple[int, bool]:
    """Return the status of a child that has ended, and whether an input took too long."""
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status, False
        _, _, since = _PROGRESS.unpack(progress)
        if time.monotonic() - since > limits.seconds:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            return os.waitpid(pid, 0)[1], True
        time.sleep(POLL_SECONDS)


def _last_words(path: Path) -> str:
    """Return the line in which a sanitizer, or Python, says why the process died."""
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    told = [line for line in lines if "Sanitizer" in line or "runtime error" in line]
    return " ".join((told or lines[-1:])[:1])[:200]
