"""Searches of all combinations, and the seeds of each setting as soon as its search has ended."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from ariigcn_dgl.experiments.leases import Leases, held
from ariigcn_dgl.experiments.queue import Supply
from ariigcn_dgl.experiments.row_result import Part
from ariigcn_dgl.experiments.runs import Run


class GridSearch(Supply):
    """Supplies the runs of a study: nobody waits for another setting's search.

    Parameters
    ----------
    parts : sequence of Part
        With the searches that are wanted; their `chosen` and `seeds` are filled as it goes on.
    choose : callable
        Fills these of a part whose search has ended.
    seeds : int
        How many runs a part's choice will have, for `later`.
    retry : bool
        Try runs again that failed earlier.
    leases : Leases
        Of the runs.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        choose: Callable[[Part], None],
        seeds: int,
        retry: bool,
        leases: Leases,
    ) -> None:
        self.choose = choose
        self.seeds = seeds
        self.skipped = ("done",) if retry else ("done", "failed")
        self.runs: list[Run] = []
        self.todo: list[Run] = []  # at first
        self.waiting: list[Run] = []
        self.pending: dict[tuple[str, str], Run] = {}  # waiting, or given out
        self.known = set[tuple[str, str]]()
        self.leases = leases
        self.searching = list(parts)
        self.tried = [one for part in parts for one in part.search]
        self.add([one.run for one in self.tried], self.keep)
        self.go_on()
        self.todo = list(self.waiting)

    @property
    def later(self) -> int:
        """Number of runs that are not known yet."""
        return self.seeds * len(self.searching)

    def next(self, busy: Collection[str]) -> Run | None:
        """Return the first that waits; one of the same folder as another's waits for that."""
        for run in self.waiting:
            if run.key not in busy:
                self.waiting.remove(run)
                return run
        return None

    def unwanted(self, run: Run) -> bool:
        """Return that it is wanted."""
        return False

    def ended(self, run: Run) -> str:
        """Go on with the settings that have waited for the run; return that it was wanted."""
        del self.pending[run.key, run.test]
        for one in self.tried:
            if (one.run.key, one.run.test) == (run.key, run.test):
                one.keep()
        self.go_on()
        return ""

    def keep(self, run: Run) -> bool:
        """Whether a search's run has ended; its score is kept, for others may go on with it."""
        with held(self.leases, run.key) as ours:
            for one in self.tried if ours else ():
                if one.run.key == run.key:
                    one.keep()
            return ours and run.status in self.skipped

    def add(self, runs: Sequence[Run], ended: Callable[[Run], bool] = lambda run: True) -> None:
        """Take up runs, and let those wait that have not ended."""
        for run in runs:
            name = run.key, run.test
            if name in self.known:  # of two settings
                continue
            self.known.add(name)
            self.runs.append(run)
            if run.status not in self.skipped or not ended(run):
                self.waiting.append(run)
                self.pending[name] = run

    def go_on(self) -> None:
        """Take up the seeds of the settings whose searches have ended."""
        for part in list(self.searching):
            if all((one.run.key, one.run.test) not in self.pending for one in part.search):
                self.searching.remove(part)
                self.choose(part)
                self.add(part.seeds)
