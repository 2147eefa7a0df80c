"""A command line in a forked process, in which something goes wrong at a chosen moment."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ariigcn_dgl.available_memory import address_space

MAKING = frozenset({"open", "os.mkdir", "os.rename"})
EVENTS = MAKING | {"os.remove", "os.rmdir"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
DEFAULT = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
SIGNALLED = 128  # a shell adds the signal's number to it
LONGEST = 120.0  # seconds; then a command counts as hung
COUNTS, HUNG = 1000, 124  # descriptor of what is counted; the code of timeout(1)
CAPACITY = 1 << 20  # bytes that a command may print: pipes, as limits of files leave them alone
PR_SET_CHILD_SUBREAPER = 36

Main = Callable[[Sequence[str]], None]


@dataclass(frozen=True)
class End:
    """How a command ended.

    Parameters
    ----------
    code : int
        As a shell says it.
    signalled : bool
        Whether the system ended the process, not the program itself.
    out, err : str
        What it printed.
    events : int
        Number of files and folders it made, renamed and removed.
    memory : int
        Bytes of address space that it took beyond those of its beginning.
    seconds : float
    """

    code: int
    signalled: bool
    out: str
    err: str
    events: int
    memory: int
    seconds: float

    @property
    def sentence(self) -> str:
        """Last line on the standard error."""
        lines = self.err.strip().splitlines()
        return lines[-1] if lines else ""


class Child:
    """A command line that has been started.

    Parameters
    ----------
    main : callable
        Takes the command line.
    arguments : sequence of str
    before : callable, optional
        Called in the new process: sets limits, plants faults.
    """

    def __init__(
        self,
        main: Main,
        arguments: Sequence[str],
        before: Callable[[], None] = lambda: None,
    ) -> None:
        self.readers, writers = zip(*(os.pipe() for _ in range(3)), strict=True)
        for reader in self.readers:
            fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, CAPACITY)
            os.set_blocking(reader, False)  # somebody else may still hold the other end
        ready, tell = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(ready)
            _run(main, list(arguments), writers, before, tell)
        for writer in (*writers, tell):
            os.close(writer)
        os.read(ready, 1)  # or the end of the pipe, where the process has ended already
        os.close(ready)
        self.start = time.monotonic()

    def signal(self, number: int) -> None:
        """Send a signal, if the process is still there."""
        os.kill(self.pid, number)  # until it is waited for there is at least a zombie

    def wait(self) -> End:
        """Return how the process ended; one that hangs is killed."""
        status, seconds = self._status()
        out, err, count = map(_drain, self.readers)
        events, memory = map(int, count.split()) if count else (0, 0)
        code = os.waitstatus_to_exitcode(status) if status is not None else HUNG
        shell = SIGNALLED - code if code < 0 else code
        return End(shell, code < 0, out, err, events, memory, seconds)

    def _status(self) -> tuple[int | None, float]:
        while (seconds := time.monotonic() - self.start) < LONGEST:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return status, seconds
            time.sleep(0.002)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        return None, seconds


def _drain(reader: int) -> str:
    parts = []
    with contextlib.suppress(BlockingIOError):
        while part := os.read(reader, CAPACITY):
            parts.append(part)
    os.close(reader)
    return b"".join(parts).decode(errors="replace")


def _run(
    main: Main, arguments: list[str], writers: Sequence[int], before: Callable[[], None], tell: int
) -> None:
    """Do as the interpreter does with a program; never return."""
    code = 1
    try:
        os.setsid()
        for number in DEFAULT:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for writer, descriptor in zip(writers, (1, 2, COUNTS), strict=True):
            os.dup2(writer, descriptor)
        sys.stdout = os.fdopen(1, "w", closefd=False)
        sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
        size = address_space()
        before()
        os.write(tell, b"!")
        try:
            main(arguments)
            code = 0
        except SystemExit as end:
            code = end.code or 0
        except BaseException:
            traceback.print_exc()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        sys.stdout.flush()
        os.write(COUNTS, f"{_seen[0]} {address_space('VmPeak') - size}".encode())
    finally:
        os._exit(code if isinstance(code, int) else 1)


_seen = [0]  # number of events in this process


def at_event(
    folder: Path,
    moments: Sequence[int],
    act: Callable[[int], None],
    events: frozenset[str] = EVENTS,
    of_children: bool = False,
) -> None:
    """Act just before the process makes, renames or removes something for the n-th time.

    Parameters
    ----------
    folder : Path
        What happens elsewhere does not count.
    moments : sequence of int
        From 1.
    act : callable
        Gets the moment; what it raises is raised where the event was to be.
    events : frozenset of str
        Names of Python's audit events that count.
    of_children : bool
        Count in each child of this process instead of in this one.
    """
    root, process = str(folder), os.getpid()

    def hook(event: str, arguments: tuple) -> None:
        if event not in events or (os.getpid() == process) == of_children:
            return
        if not _path(arguments[0]).startswith(root):
            return
        if event == "open" and not (arguments[2] or 0) & WRITING:
            return
        _seen[0] += 1
        if _seen[0] in moments:
            act(_seen[0])

    sys.addaudithook(hook)


def _path(name: object) -> str:
    return os.fsdecode(name) if isinstance(name, (str, bytes, os.PathLike)) else ""


def adopt_orphans() -> None:
    """Become the parent of processes whose own has ended."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def orphans(patience: float = 5.0) -> list[int]:
    """Wait for processes that a command has left; kill and return those that do not end."""
    deadline = time.monotonic() + patience
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < deadline:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.005)
        left = list(_children())
        for pid in left:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        return left
    return []


def _children() -> Iterator[int]:
    listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    yield from map(int, listed.split())
