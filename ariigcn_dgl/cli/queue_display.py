"""How a queue of runs gets on: a live table, or one line a run where there is no terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from ariigcn_dgl.cli.say import note
from ariigcn_dgl.escape import cell
from ariigcn_dgl.experiments.queue import Monitor
from ariigcn_dgl.experiments.runs import Run
from ariigcn_dgl.training.scoring import Scoring, flat

REFRESH_SECONDS = 0.5


class QueueDisplay(Monitor):
    """Shows what is running, and says what ended and how."""

    def __init__(self) -> None:
        self.console = Console(stderr=True)
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self.console,
        )
        self.live = Live(console=self.console, transient=True, auto_refresh=False)
        self.task: TaskID | None = None
        self.started: dict[str, float] = {}
        self.shown = 0.0
        self.title = ""
        self.done = self.total = 0

    def __enter__(self) -> QueueDisplay:
        if self.console.is_terminal:
            self.live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Take the live table away."""
        self.live.stop()

    def summary(self) -> str:
        """Return how many runs of the phase are done."""
        return f"{self.done} of {self.total} runs are done and kept"

    def began(self, title: str, runs: Sequence[Run], todo: Sequence[Run], later: int = 0) -> None:
        """Begin a phase; say what is there already."""
        self.title = title
        self.total, self.done = len(runs) + later, len(runs) - len(todo)
        if self.task is not None:
            self.progress.remove_task(self.task)
        self.task = self.progress.add_task(title, total=self.total, completed=self.done)
        if self.done:
            self._say(f"{title}: {self.done} of {self.total} runs are there already")
        failed = [run for run in runs if run.status == "failed" and run not in todo]
        if failed:
            self._say(f"{title}: {len(failed)} of them failed; try them again with --retry")

    def tick(self, running: Sequence[Run]) -> None:
        """Show what is running, twice a second."""
        now = time.monotonic()
        for run in running:
            self.started.setdefault(run.key, now)
        if self.console.is_terminal and now - self.shown > REFRESH_SECONDS:
            self.shown = now
            self.live.update(Group(self._table(running, now), self.progress), refresh=True)

    def again(self, run: Run) -> None:
        """Say why a run is tried again."""
        self._say(f"{self.title}: {run.name} seed {run.seed}: {run.reason}; trying again")

    def stopped(self, run: Run, why: str) -> None:
        """Say why a run was not wanted any more."""
        self._say(f"{self._count(run)}: {why}")

    def ended(self, run: Run) -> None:
        """Say how a run ended."""
        where = self._count(run)
        if run.status != "done":
            how = "failed" if run.status == "failed" else "missing"
            self._say(f"{where}: {how}: {run.reason}")
            return
        record = run.read()
        scoring = Scoring.of_run(record, run.config.training.metric)
        value, decimals = (
            flat(record["val"])[scoring.metric],
            scoring.columns[scoring.metric].decimals,
        )
        said = f"{scoring.title} {value:.{decimals}f}"
        self._say(f"{where}: validation {said}, {record['seconds']:.1f} s")

    def _count(self, run: Run) -> str:
        """Count a run that is not to be run again; return its place and name."""
        self.done += 1
        if self.task is not None:
            self.progress.update(self.task, completed=self.done)
        return f"{self.title} {self.done} of {self.total}: {run.name} seed {run.seed}"

    def _say(self, line: str) -> None:
        if self.console.is_terminal:
            self.live.console.print(cell(line), highlight=False)
        else:
            note(line)

    def _table(self, running: Sequence[Run], now: float) -> Table:
        table = Table(box=None)
        for name in ("running", "seed", "epoch", "s"):
            table.add_column(name, justify="left" if name == "running" else "right")
        for run in running:
            epochs = f"{run.epochs_done} of {run.epochs}"
            seconds = f"{now - self.started[run.key]:.0f}"
            table.add_row(cell(run.name), str(run.seed), epochs, seconds)
        return table
