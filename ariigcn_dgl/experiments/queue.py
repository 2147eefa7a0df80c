"""Runs in processes of their own, several at a time."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from collections import Counter, deque
from collections.abc import Collection, Sequence
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from typing import Protocol

from ariigcn_dgl.experiments.leases import Lease, Leases
from ariigcn_dgl.experiments.runs import Run
from ariigcn_dgl.experiments.worker import LOG_FILE, TRY_AGAIN, work_alone
from ariigcn_dgl.plugins import agreed

POLL_SECONDS = 0.05
PRELOADED = [work_alone.__module__, "torch._dynamo"]  # optimisers import the latter: seconds
GRACE_SECONDS = 10.0  # to finish writing a file
ATTEMPTS = 3
LOOK_SECONDS = 1.0  # from one look at what others do to the next
LOST_OFTEN = "the processes that worked on it were lost {times} times, the machines with them"
# multiprocessing's code where the fork server is gone, which alone would have known better.
VANISHED = 255


class Monitor(Protocol):
    """Who is told how the queue gets on."""

    def began(self, title: str, runs: Sequence[Run], todo: Sequence[Run], later: int = 0) -> None:
        """Take note of a phase: its runs, those not done yet, and how many are yet to be made."""

    def tick(self, running: Sequence[Run]) -> None:
        """Take note of what is running now; called many times a second."""

    def again(self, run: Run) -> None:
        """Take note of a run whose process was killed, and that is tried again."""

    def stopped(self, run: Run, why: str) -> None:
        """Take note of a run that was ended before its time, and is not wanted any more."""

    def ended(self, run: Run) -> None:
        """Take note of a run that is done, has failed, or is given up until next time."""


class Supply(Protocol):
    """Where the queue's runs come from, and who decides that one is not worth its end."""

    def next(self, busy: Collection[str]) -> Run | None:
        """Return what to begin now; None where there is nothing, or not before another has ended.

        Parameters
        ----------
        busy : collection of str
            Keys of what is running: a run of the same key would write into the same folder.
        """

    def unwanted(self, run: Run) -> bool:
        """Whether a running run is to be stopped; asked all the time."""

    def ended(self, run: Run) -> str:
        """Take note of a run that is not running any more; return why it is not wanted, or ""."""


class Listed(Supply):
    """Runs that are all known, of different keys, and wanted to their ends."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self.waiting = deque(runs)

    def next(self, busy: Collection[str]) -> Run | None:
        """Return the next of the list."""
        return self.waiting.popleft() if self.waiting else None

    def unwanted(self, run: Run) -> bool:
        """Return that it is wanted."""
        return False

    def ended(self, run: Run) -> str:
        """Return that it was wanted."""
        return ""


def work_on(
    runs: Sequence[Run] | Supply, jobs: int, monitor: Monitor, leases: Leases | None = None
) -> None:
    """Work on runs until each is done or has failed; a failure does not stop the others.

    What was running when this is interrupted, or killed, goes on from its last epoch next time.
    A process that is killed, or lacks memory or space on the disk, says nothing about its run: that
    is tried again, behind the others, and after `ATTEMPTS` left open with its reason.

    Parameters
    ----------
    runs : sequence of Run, or Supply
        Of different keys.
    jobs : int
        Number of processes.
    monitor : Monitor
    leases : Leases, optional
        Where others may work on the same runs: each is begun by one, and taken over by another
        where that one is lost; those that others are at are waited for.
    """
    _Queue(Listed(runs) if isinstance(runs, Sequence) else runs, jobs, monitor, leases).work()


class _Queue:
    def __init__(self, supply: Supply, jobs: int, monitor: Monitor, leases: Leases | None) -> None:
        self.supply = supply
        self.jobs = jobs
        self.monitor = monitor
        self.leases = leases
        self.held = dict[Run, Lease]()
        self.elsewhere = deque[Run]()  # others work on them
        self.looked = 0.0
        self.running = dict[Run, BaseProcess]()
        self.killed = deque[Run]()  # and tried again
        self.attempts = Counter[Run]()

    def work(self) -> None:
        try:
            self.begin()
            while self.running or self.elsewhere:
                self.monitor.tick(list(self.running))
                for run, process in list(self.running.items()):
                    if not process.is_alive():
                        self.end(run)
                    elif self.supply.unwanted(run):
                        self.stop(run)
                self.look()
                self.begin()
                time.sleep(POLL_SECONDS)
        finally:
            _stop(list(self.running.values()))
            for lease in self.held.values():
                lease.release()

    def begin(self) -> None:
        while len(self.running) < self.jobs:
            run = self.next()
            if run is None:
                return
            self.take(run)

    def take(self, run: Run) -> None:
        """Begin a run, unless somebody else is at it."""
        lease = None
        if self.leases is not None:
            lease = self.leases.acquire(run.key)
            if lease is None:
                self.elsewhere.append(run)
                return
            self.held[run] = lease
            if run.status == "done":  # since it was asked for
                self.settle(run)
                return
            if lease.lost >= ATTEMPTS:
                run.fail(LOST_OFTEN.format(times=lease.lost), final=False)
                lease.lost = 0  # the next study may try as often
                self.settle(run)
                return
        self.attempts[run] += 1
        self.running[run] = _start(run, lease)

    def look(self) -> None:
        """Look what has become of the runs that others work on."""
        if self.leases is None or time.monotonic() - self.looked < LOOK_SECONDS:
            return
        self.looked = time.monotonic()
        for run in [self.elsewhere.popleft() for _ in range(len(self.elsewhere))]:
            if run.status == "open" and len(self.running) < self.jobs:
                self.take(run)
                continue
            # Only who holds it can be sure that it has ended, and is not gone on with.
            lease = None if run.status == "open" else self.leases.acquire(run.key)
            if lease is None:
                self.elsewhere.append(run)
                continue
            self.held[run] = lease
            if run.status == "open":
                self.free(run)
                self.elsewhere.append(run)
            else:
                self.settle(run)

    def settle(self, run: Run) -> None:
        """Tell how a run ended, and let others have it."""
        self.tell(run)
        self.free(run)

    def free(self, run: Run) -> None:
        lease = self.held.pop(run, None)
        if lease is not None:
            lease.release()

    def next(self) -> Run | None:
        busy = {run.key for run in (*self.running, *self.elsewhere)}
        run = self.supply.next(busy)
        if run is None and self.killed and self.killed[0].key not in busy:
            return self.killed.popleft()  # last: by then there may be more memory
        return run

    def end(self, run: Run) -> None:
        _end(run, self.running.pop(run))
        if run.status == "open" and self.attempts[run] < ATTEMPTS:
            self.killed.append(run)
            self.monitor.again(run)
            self.free(run)
        else:
            self.settle(run)

    def stop(self, run: Run) -> None:
        _stop([self.running[run]])
        del self.running[run]
        run.tidy()  # of what the worker had to say
        self.settle(run)

    def tell(self, run: Run) -> None:
        why = self.supply.ended(run)
        if why:
            self.monitor.stopped(run, why)
        else:
            self.monitor.ended(run)


def _start(run: Run, lease: Lease | None) -> BaseProcess:
    run.prepare()
    # Processes are forked from one that has imported everything but computed nothing: as clean as a
    # new interpreter, without its seconds of imports.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    os.environ["OMP_NUM_THREADS"] = "1"  # for the new processes; too late for this one
    process = context.Process(target=work_alone, args=(run.folder, run.test, agreed(), lease))
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
