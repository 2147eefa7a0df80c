"""Runs in processes of this machine: an engine that needs nothing."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Sequence
from multiprocessing import connection
from multiprocessing.process import BaseProcess

from ariigcn_dgl.experiments.engine import GRACE_SECONDS, Ending, Engine, Work
from ariigcn_dgl.experiments.leases import Lease
from ariigcn_dgl.experiments.runs import Run
from ariigcn_dgl.experiments.worker import LOG_FILE, TRY_AGAIN, work_alone
from ariigcn_dgl.plugins import agreed

PRELOADED = [work_alone.__module__, "torch._dynamo"]  # optimisers import the latter: seconds
# multiprocessing's code where the fork server is gone, which alone would have known better.
VANISHED = 255


class Processes(Engine):
    """Works on each run in a process of its own, of one thread."""

    def begin(self, run: Run, lease: Lease | None) -> Process:
        """Begin a process for a run; it ends with this one, and where it loses the lease."""
        run.prepare()
        # Processes are forked from one that has imported everything but computed nothing: as clean
        # as a new interpreter, without its seconds of imports.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        os.environ["OMP_NUM_THREADS"] = "1"  # for the new processes; too late for this one
        process = context.Process(target=work_alone, args=(run.folder, run.test, agreed(), lease))
        with contextlib.suppress(EOFError, ConnectionError):  # a server that dies just now
            process.start()
        return Process(run, process)

    def stop(self, works: Sequence[Work]) -> None:
        """End processes: they are asked, and after `GRACE_SECONDS` killed."""
        _stop([one.process for one in works if isinstance(one, Process)])


class Process(Work):
    """A run and its process."""

    def __init__(self, run: Run, process: BaseProcess) -> None:
        self.run = run
        self.process = process

    def ended(self) -> Ending | None:
        """Return how the process ended."""
        if self.process.is_alive():
            return None
        code = _code(self.process)
        log = self.run.folder / LOG_FILE
        if code == 0 and self.run.status == "done":
            log.unlink()
            return Ending()
        said = log.read_text(errors="replace") if log.exists() else ""
        return Ending(_reason(code, said), final=0 <= code <= 128 and code != TRY_AGAIN)


def _code(process: BaseProcess) -> int:
    if process.pid is None:
        return VANISHED
    process.join()
    if process.exitcode is None or process.exitcode == VANISHED:
        _end_orphan(process.pid)
        return VANISHED
    return process.exitcode


def _end_orphan(pid: int) -> None:
    """Kill a process that outlived the fork server: the next attempt writes into its folder."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    signal.pidfd_send_signal(handle, signal.SIGKILL)
    connection.wait([handle], GRACE_SECONDS)
    os.close(handle)


def _reason(code: int, said: str) -> str:
    """Return one sentence: the worker's own, or the last line of its traceback."""
    if code == VANISHED:
        return "the process vanished with the one that starts processes"
    number = -code if code < 0 else code - 128  # as a process says that catches the signal
    if number > 0:
        names = {one.value: one.name for one in signal.Signals}
        hint = " (out of memory?)" if number == signal.SIGKILL else ""
        return f"the process was killed by {names.get(number, f'signal {number}')}{hint}"
    lines = said.strip().splitlines()
    return lines[-1] if lines else f"the process ended with code {code} and said nothing"


def _stop(processes: Sequence[BaseProcess]) -> None:
    started = [(process, process.pid) for process in processes if process.pid is not None]
    for process, pid in started:
        if process.is_alive():
            os.kill(pid, signal.SIGINT)
    deadline = time.monotonic() + GRACE_SECONDS
    for process, _ in started:
        process.join(max(0.0, deadline - time.monotonic()))
        if process.is_alive():
            process.kill()
            process.join()
