"""What goes wrong: each fault at a random moment, and what is promised then."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ariigcn_dgl.available_memory import address_space
from faults.child import MAKING, at_event, orphans
from faults.trial import BAD, SAID, Trial

INCOMPLETE = 1  # exit code of a study that lacks runs
SOON = 0.1  # seconds within which somebody presses Ctrl-C again
DECADES = 30 * 365 * 86400.0


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong.

    Parameters
    ----------
    name : str
    how : str
        What is done.
    promise : str
        What is promised.
    happen : callable
        Does it in a trial.
    share : int
        Moments in a round over all faults.
    only : str
        The only command that it concerns; "": all.
    writers : bool
        Whether it concerns only commands that write.
    root : bool
        Whether only root can do it.
    """

    name: str
    how: str
    promise: str
    happen: Callable[[Trial], None]
    share: int = 1
    only: str = ""
    writers: bool = False
    root: bool = False


def _stop(*numbers: int) -> Callable[[Trial], None]:
    """Return what sends signals, the later ones soon after the first."""

    def happen(trial: Trial) -> None:
        rng, first = trial.rng, numbers[0]
        killed = first == signal.SIGKILL
        codes = (0, 128 + first)
        rough = killed or len(numbers) > 1
        if trial.by_event():
            moments, sent = [trial.moment()], iter(numbers)
            while len(moments) < len(numbers):
                moments.append(moments[-1] + rng.randint(1, 4))

            def act(moment: int) -> None:
                os.kill(os.getpid(), next(sent))

            def before() -> None:
                at_event(trial.place.work, moments, act)

            end = trial.run(codes, before, killed=rough)
        else:
            times = [rng.uniform(0, trial.expected.end.seconds)]
            while len(times) < len(numbers):
                times.append(times[-1] + rng.uniform(0, SOON))
            end = trial.run(codes, signals=list(zip(times, numbers, strict=True)), killed=rough)
        if end.code and not killed and not end.signalled:
            _check_words(trial, end.err)
        trial.finish(end)

    return happen


def _check_words(trial: Trial, said: str) -> None:
    """Look whether a command that was interrupted says so, and how to go on."""
    if SAID not in said:
        trial.wrong(f"does not say that it was interrupted: {said[-200:]!r}")
    begun = trial.command.begun and (trial.place.work / trial.command.out / trial.command.begun)
    if begun and begun.exists() and "go on with: ariigcn " not in said:
        trial.wrong(f"does not say how to go on: {said[-200:]!r}")


def _refusals(trial: Trial) -> tuple[int, ...]:
    """Return the codes that a command may end with where it lacks something."""
    return (0, BAD, INCOMPLETE) if trial.command.name == "experiment" else (0, BAD)


def _disk_error(trial: Trial) -> None:
    def fail(moment: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    moment = trial.moment()
    end = trial.run(
        _refusals(trial),
        lambda: at_event(trial.place.work, [moment], fail, MAKING),
    )
    trial.finish(end)


def _file_limit(trial: Trial) -> None:
    size = int(trial.expected.largest * trial.rng.random() ** 2)

    def limit() -> None:
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))

    end = trial.run(_refusals(trial), limit)
    trial.finish(end)


def _full_disk(trial: Trial) -> None:
    size = 4096 * max(2, int(trial.expected.whole * trial.rng.random() / 4096))
    with _file_system(trial.place.work, f"size={size}"):
        codes = _refusals(trial)
        end = trial.run(codes)
        _remount(trial.place.work, "size=64m")
        trial.finish(end)


def _read_only(trial: Trial) -> None:
    moment = trial.moment()
    with _file_system(trial.place.work, "size=64m"):
        end = trial.run(
            (0, 137),
            lambda: at_event(trial.place.work, [moment], lambda _: os.kill(os.getpid(), 9)),
            killed=True,
        )
        _remount(trial.place.work, "ro")
        if not trial.done_before():
            end = trial.run((BAD,), again=True, killed=True)
        _remount(trial.place.work, "rw")
        trial.finish(end)


@contextlib.contextmanager
def _file_system(folder: Path, options: str) -> Iterator[None]:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def _remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True)


def _memory(trial: Trial) -> None:
    more = int(trial.expected.end.memory * trial.rng.random())

    def limit() -> None:
        size = address_space() + more
        resource.setrlimit(resource.RLIMIT_AS, (size, size))

    codes = _refusals(trial)
    end = trial.run(codes, limit)
    trial.finish(end)


def _clock(trial: Trial) -> None:
    moment, now = trial.moment(), time.time
    back = [0.0]

    def before() -> None:
        time.time = lambda: now() - back[0]
        at_event(trial.place.work, [moment], lambda _: back.__setitem__(0, DECADES))

    end = trial.run((0,), before)
    trial.finish(end)


def _two(trial: Trial) -> None:
    """Stop the command, then let two processes go on at once."""
    moment = trial.moment()
    end = trial.run(
        (0, 137),
        lambda: at_event(trial.place.work, [moment], lambda _: os.kill(os.getpid(), 9)),
        killed=True,
    )
    if not trial.done_before():
        first = trial.place.start(trial.command, again=True)
        time.sleep(trial.rng.uniform(0, trial.expected.end.seconds))
        second = trial.place.start(trial.command, again=True)
        ends = [first.wait(), second.wait()]
        for end in ends:
            trial.judge(end, (0, BAD))
        if all(end.code for end in ends):
            trial.wrong(f"both end with {[end.code for end in ends]}: {ends[0].sentence!r}")
        orphans()
        end = min(ends, key=lambda one: one.code)
    trial.finish(end)


def _worker(trial: Trial) -> None:
    moment = trial.rng.randint(1, 40)
    once = trial.place.inputs / "killed"
    once.unlink(missing_ok=True)

    def kill(_: int) -> None:
        with contextlib.suppress(FileExistsError):
            os.close(os.open(once, os.O_CREAT | os.O_EXCL))
            os.kill(os.getpid(), signal.SIGKILL)

    end = trial.run(
        (0,), lambda: at_event(trial.place.work, [moment], kill, of_children=True), killed=True
    )
    trial.stopped |= once.exists()
    trial.finish(end)


SAME = "again: the same bits"
CLEAN = f"one sentence, code {BAD} (a study that lacks runs: 1), no scratch left; {SAME}"
SAYS = "says so and how to go on, no scratch left"
UNTIL = "hidden `.NAME.HEX.tmp` may stay until the next time"
NEITHER = CLEAN.replace("no scratch left", "what SIGKILL left stays")
ONE_WINS = "one ends with the same bits; the other does, too, or is refused with code 2"
AGAIN = "the study trains that run again; same bits, code 0"

_ALL = (
    Fault(
        "SIGKILL",
        "`kill -9`; out of memory (the kernel's killer)",
        f"{UNTIL}; {SAME}",
        _stop(signal.SIGKILL),
        share=4,
    ),
    Fault(
        "SIGTERM",
        "`kill`; a cluster's time limit",
        f"{SAYS}, code 143; {SAME}",
        _stop(signal.SIGTERM),
        share=2,
    ),
    Fault("SIGINT", "Ctrl-C", f"{SAYS}, code 130; {SAME}", _stop(signal.SIGINT), share=2),
    Fault(
        "SIGINT twice",
        "Ctrl-C again while the first is being answered",
        f"code 130, no traceback; {SAME}",
        _stop(signal.SIGINT, signal.SIGINT),
        share=2,
    ),
    Fault(
        "SIGHUP",
        "a terminal that is closed",
        f"{SAYS}, code 129; {SAME}",
        _stop(signal.SIGHUP),
    ),
    Fault(
        "disk error",
        "a file or folder cannot be made or renamed, once",
        CLEAN,
        _disk_error,
        writers=True,
    ),
    Fault(
        "file limit",
        "no file larger than a random size (`ulimit -f`)",
        CLEAN,
        _file_limit,
        writers=True,
    ),
    Fault(
        "full disk",
        "a file system of a random size fills (root only)",
        CLEAN,
        _full_disk,
        writers=True,
        root=True,
    ),
    Fault(
        "read-only",
        "after SIGKILL the file system can only be read (root only)",
        NEITHER,
        _read_only,
        writers=True,
        root=True,
    ),
    Fault("memory", "a random limit of address space (`ulimit -v`)", CLEAN, _memory),
    Fault("clock", "the clock goes back 30 years", "ends with the same bits", _clock),
    Fault("two at once", "after SIGKILL two processes go on at once", ONE_WINS, _two, writers=True),
    Fault(
        "worker killed",
        "`kill -9` of a process that trains a run of a study",
        AGAIN,
        _worker,
        share=6,
        only="experiment",
    ),
)
FAULTS = {one.name: one for one in _ALL}
