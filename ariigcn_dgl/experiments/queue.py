"""Runs in processes of their own, several at a time."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from collections import Counter, deque
from collections.abc import Sequence
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from typing import Protocol

from ariigcn_dgl.experiments.runs import Run
from ariigcn_dgl.experiments.worker import LOG_FILE, TRY_AGAIN, work_alone

POLL_SECONDS = 0.05
PRELOADED = [work_alone.__module__, "torch._dynamo"]  # optimisers import the latter: seconds
GRACE_SECONDS = 10.0  # to finish writing a file
ATTEMPTS = 3
# multiprocessing's code where the fork server is gone, which alone would have known better.
VANISHED = 255


class Monitor(Protocol):
    """Who is told how the queue gets on."""

    def began(self, title: str, runs: Sequence[Run], todo: Sequence[Run]) -> None:
        """Take note of a phase: all its runs, and those that are not done yet."""

    def tick(self, running: Sequence[Run]) -> None:
        """Take note of what is running now; called many times a second."""

    def again(self, run: Run) -> None:
        """Take note of a run whose process was killed, and that is tried again."""

    def ended(self, run: Run) -> None:
        """Take note of a run that is done, has failed, or is given up until next time."""


def work_on(runs: Sequence[Run], jobs: int, monitor: Monitor) -> None:
    """Work on runs until each is done or has failed; a failure does not stop the others.

    What was running when this is interrupted, or killed, goes on from its last epoch next time.
    A process that is killed, or lacks memory or space on the disk, says nothing about its run: that
    is tried again, behind the others, and after `ATTEMPTS` left open with its reason.

    Parameters
    ----------
    runs : sequence of Run
        Of different keys.
    jobs : int
        Number of processes.
    monitor : Monitor
    """
    waiting, running = deque(runs), dict[Run, BaseProcess]()
    attempts = Counter[Run]()
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                run = waiting.popleft()
                attempts[run] += 1
                running[run] = _start(run)
            monitor.tick(list(running))
            for run in [run for run, process in running.items() if not process.is_alive()]:
                _end(run, running.pop(run))
                if run.status == "open" and attempts[run] < ATTEMPTS:
                    waiting.append(run)  # last: by then there may be more memory
                    monitor.again(run)
                else:
                    monitor.ended(run)
            time.sleep(POLL_SECONDS)
    finally:
        _stop(list(running.values()))


def _start(run: Run) -> BaseProcess:
    run.prepare()
    # Processes are forked from one that has imported everything but computed nothing: as clean as a
    # new interpreter, without its seconds of imports.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    os.environ["OMP_NUM_THREADS"] = "1"  # for the new processes; too late for this one
    process = context.Process(target=work_alone, args=(run.folder, run.test))
    with contextlib.suppress(EOFError, ConnectionError):  # a server that dies just now
        process.start()
    return process


def _end(run: Run, process: BaseProcess) -> None:
    code = _code(process)
    log = run.folder / LOG_FILE
    if code == 0 and run.status == "done":
        log.unlink()
    else:
        said = log.read_text(errors="replace") if log.exists() else ""
        run.fail(_reason(code, said), final=0 <= code <= 128 and code != TRY_AGAIN)


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
