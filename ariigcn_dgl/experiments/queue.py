"""Runs in processes of their own, several at a time."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from typing import Protocol

from ariigcn_dgl.experiments.runs import Run
from ariigcn_dgl.experiments.worker import LOG_FILE, work_alone

POLL_SECONDS = 0.05
PRELOADED = [work_alone.__module__, "torch._dynamo"]  # optimisers import the latter: seconds
GRACE_SECONDS = 10.0  # to finish writing a file


class Monitor(Protocol):
    """Who is told how the queue gets on."""

    def began(self, title: str, runs: Sequence[Run], todo: Sequence[Run]) -> None:
        """Take note of a phase: all its runs, and those that are not done yet."""

    def tick(self, running: Sequence[Run]) -> None:
        """Take note of what is running now; called many times a second."""

    def ended(self, run: Run) -> None:
        """Take note of a run that is done or has failed."""


def work_on(runs: Sequence[Run], jobs: int, monitor: Monitor) -> None:
    """Work on runs until each is done or has failed; a failure does not stop the others.

    What was running when this is interrupted, or killed, goes on from its last epoch next time.

    Parameters
    ----------
    runs : sequence of Run
        Of different keys.
    jobs : int
        Number of processes.
    monitor : Monitor
    """
    waiting, running = deque(runs), dict[Run, BaseProcess]()
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                run = waiting.popleft()
                running[run] = _start(run)
            monitor.tick(list(running))
            for run in [run for run, process in running.items() if not process.is_alive()]:
                _end(run, running.pop(run))
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
    process.start()
    return process


def _end(run: Run, process: BaseProcess) -> None:
    process.join()
    log = run.folder / LOG_FILE
    if process.exitcode == 0 and run.status == "done":
        log.unlink()
    else:
        said = log.read_text(errors="replace") if log.exists() else ""
        run.fail(_reason(process.exitcode, said))


def _reason(code: int, said: str) -> str:
    """Return one sentence: the worker's own, or the last line of its traceback."""
    if code < 0:
        hint = " (out of memory?)" if -code == signal.SIGKILL else ""
        return f"the process was killed by {signal.Signals(-code).name}{hint}"
    lines = said.strip().splitlines()
    return lines[-1] if lines else f"the process ended with code {code} and said nothing"


def _stop(processes: Sequence[BaseProcess]) -> None:
    for process in processes:
        if process.is_alive():
            os.kill(process.pid, signal.SIGINT)
    deadline = time.monotonic() + GRACE_SECONDS
    for process in processes:
        process.join(max(0.0, deadline - time.monotonic()))
        if process.is_alive():
            process.kill()
            process.join()
