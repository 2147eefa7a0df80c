"""Runs worked on, several at a time: which is begun, stopped, and tried again."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Collection, Sequence
from typing import Protocol

from ariigcn_dgl.experiments.engine import Ending, Engine, Work
from ariigcn_dgl.experiments.leases import Lease, Leases
from ariigcn_dgl.experiments.processes import Processes
from ariigcn_dgl.experiments.runs import Run

POLL_SECONDS = 0.05
ATTEMPTS = 3
LOOK_SECONDS = 1.0  # from one look at what others do to the next
LOST_OFTEN = "the processes that worked on it were lost {times} times, the machines with them"


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
    runs: Sequence[Run] | Supply,
    jobs: int,
    monitor: Monitor,
    leases: Leases | None = None,
    engine: Engine | None = None,
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
        Number of runs at a time.
    monitor : Monitor
    leases : Leases, optional
        Where others may work on the same runs: each is begun by one, and taken over by another
        where that one is lost; those that others are at are waited for.
    engine : Engine, optional
        What works on them; default: `Processes` of this machine.
    """
    supply = Listed(runs) if isinstance(runs, Sequence) else runs
    _Queue(supply, jobs, monitor, leases, engine or Processes()).work()


class _Queue:
    def __init__(
        self, supply: Supply, jobs: int, monitor: Monitor, leases: Leases | None, engine: Engine
    ) -> None:
        self.supply = supply
        self.jobs = jobs
        self.monitor = monitor
        self.leases = leases
        self.engine = engine
        self.held = dict[Run, Lease]()
        self.elsewhere = deque[Run]()  # others work on them
        self.looked = 0.0
        self.running = dict[Run, Work]()
        self.killed = deque[Run]()  # and tried again
        self.attempts = Counter[Run]()

    def work(self) -> None:
        try:
            self.begin()
            while self.running or self.elsewhere:
                self.monitor.tick(list(self.running))
                for run, work in list(self.running.items()):
                    ending = work.ended()
                    if ending is not None:
                        self.end(run, ending)
                    elif self.supply.unwanted(run):
                        self.stop(run)
                self.look()
                self.begin()
                time.sleep(POLL_SECONDS)
        finally:
            self.engine.stop(list(self.running.values()))
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
        self.running[run] = self.engine.begin(run, lease)

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

    def end(self, run: Run, ending: Ending) -> None:
        del self.running[run]
        if ending.reason:
            run.fail(ending.reason, ending.final)
        if run.status == "open" and self.attempts[run] < ATTEMPTS:
            self.killed.append(run)
            self.monitor.again(run)
            self.free(run)
        else:
            self.settle(run)

    def stop(self, run: Run) -> None:
        self.engine.stop([self.running[run]])
        del self.running[run]
        run.tidy()  # of what the worker had to say
        self.settle(run)

    def tell(self, run: Run) -> None:
        why = self.supply.ended(run)
        if why:
            self.monitor.stopped(run, why)
        else:
            self.monitor.ended(run)
