"""One moment: a command is stopped and looked at, goes on, and ends with the same bits or not."""

from __future__ import annotations

import multiprocessing
import random
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from faults.child import Child, End, at_event, orphans
from faults.commands import Command
from faults.content import content, half_written, scratches

ATTEMPTS = 3  # of going on
BAD, BUG = 2, 70  # exit codes: of bad input, and of an error of the program itself
SAID = "interrupted"


@dataclass(frozen=True)
class Undisturbed:
    """A run that nothing happened to.

    Parameters
    ----------
    content : dict
        As of `faults.content.content`.
    largest, whole : int
        Bytes of its largest file, and of all.
    end : End
    """

    content: dict[str, str]
    largest: int
    whole: int
    end: End


class Place:
    """Folders of all trials.

    Parameters
    ----------
    root : Path
        Holds the inputs; `work`, new for each trial, is what the commands write to.
    """

    def __init__(self, root: Path) -> None:
        self.inputs, self.work = root / "inputs", root / "work"
        self.inputs.mkdir()

    def empty(self) -> None:
        """Begin with nothing in `work`."""
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir()

    def undisturbed(self, command: Command) -> Undisturbed:
        """Run a command to its end.

        Raises
        ------
        RuntimeError
            If it fails.
        """
        self.empty()
        end = self.start(command, lambda: at_event(self.work, (), lambda moment: None)).wait()
        if end.code:
            raise RuntimeError(f"{command.name}: ends with {end.code} undisturbed: {end.err}")
        sizes = [path.stat().st_size for path in self.work.rglob("*") if path.is_file()]
        return Undisturbed(content(self.work), max(sizes, default=0), sum(sizes), end)

    def start(
        self, command: Command, before: Callable[[], None] = lambda: None, again: bool = False
    ) -> Child:
        """Start a command in `work`."""

        def prepare() -> None:
            # Workers of a study are forked from it: their usual server takes seconds to start.
            # That server's own deaths are in tests/experiments/test_queue.py.
            get_context = multiprocessing.get_context
            multiprocessing.get_context = lambda name=None: get_context(
                "fork" if name == "forkserver" else name
            )
            before()

        line = command.line(self.inputs, self.work, again)
        return Child(command.main, line, prepare)


@dataclass
class Trial:
    """A command, what happens to it, and what was found.

    Parameters
    ----------
    place : Place
    command : Command
    expected : Undisturbed
    rng : random.Random
        Decides the moment.
    """

    place: Place
    command: Command
    expected: Undisturbed
    rng: random.Random
    stopped: bool = False
    same: bool = False
    left: list[str] = field(default_factory=list)
    tracebacks: int = 0
    failures: list[str] = field(default_factory=list)

    def wrong(self, what: str) -> None:
        """Note a failure."""
        self.failures.append(what)

    def moment(self) -> int:
        """Return a moment among the undisturbed run's events."""
        return self.rng.randint(1, max(1, self.expected.end.events))

    def by_event(self) -> bool:
        """Whether the moment is an event, not a time."""
        return bool(self.expected.end.events) and self.rng.random() < 0.6

    def run(
        self,
        codes: Sequence[int],
        before: Callable[[], None] = lambda: None,
        signals: Sequence[tuple[float, int]] = (),
        again: bool = False,
        killed: bool = False,
    ) -> End:
        """Run the command, look at how it ends and at what it leaves.

        Parameters
        ----------
        codes : sequence of int
            That it may end with.
        before : callable
            As of `Child`.
        signals : sequence of (float, int)
            Seconds after the start, and the signal that is sent then.
        again : bool
            Go on instead of beginning.
        killed : bool
            Whether it has no chance to clean up.
        """
        child = self.place.start(self.command, before, again)
        for seconds, number in signals:
            time.sleep(max(0.0, child.start + seconds - time.monotonic()))
            child.signal(number)
        end = child.wait()
        self.judge(end, codes)
        self.look(killed)
        self.stopped |= end.code != 0
        return end

    def judge(self, end: End, codes: Sequence[int]) -> None:
        """Look at how a command ended."""
        if end.code not in codes:
            said = f"{end.sentence!r}"
            self.wrong(f"code {end.code}, expected {' or '.join(map(str, codes))}: {said}")
        if "Traceback (most recent call last)" in end.err or end.code == BUG:
            self.tracebacks += 1
            self.wrong(f"traceback: {end.err[-1500:]}")
        elif end.code and not end.signalled and not end.sentence:
            self.wrong(f"code {end.code} without a word")

    def look(self, killed: bool) -> None:
        """Look at what a command that has ended leaves."""
        if pids := orphans():
            self.wrong(f"left {len(pids)} processes running")
        if half := half_written(self.place.work):
            self.wrong(f"half-written: {', '.join(half)}")
        if not killed and (left := scratches(self.place.work)):
            self.left += left
            self.wrong(f"left behind: {', '.join(left)}")
        if not self.command.begun:
            self.compare_parts()

    def compare_parts(self) -> None:
        """Look whether what is all or nothing is one of them."""
        out = self.place.work / self.command.out
        if self.command.out and out.exists():
            found = {k: v for k, v in content(self.place.work).items() if not k.startswith(".")}
            if found != self.expected.content:
                self.wrong(f"{self.command.out}: neither whole nor absent")

    def finish(self, end: End) -> None:
        """Go on until the command has ended well; compare the bits.

        Parameters
        ----------
        end : End
            How the command ended last.
        """
        for _ in range(ATTEMPTS):
            if end.code == 0:
                break
            codes = (0,)
            if self.done_before():  # by a command that had no time to say so
                codes = (BAD,)
            end = self.place.start(self.command, again=True).wait()
            self.judge(end, codes)
            if codes == (BAD,):
                if "exists already" not in end.sentence:
                    self.wrong(f"does not say that all is there: {end.sentence!r}")
                break
        if self.command.out:
            self.compare()
        else:
            self.same = end.out == self.expected.end.out
            if not self.same:
                self.wrong("another answer")

    def compare(self) -> None:
        """Compare the bits with those of the undisturbed run."""
        found = content(self.place.work)
        self.same = found == self.expected.content
        self.left += (extra := sorted(found.keys() - self.expected.content.keys()))
        if extra:
            self.wrong(f"left behind at the end: {', '.join(extra)}")
        elif not self.same:
            names = [n for n, bits in self.expected.content.items() if found.get(n) != bits]
            self.wrong(f"other bits: {', '.join(names)}")

    def done_before(self) -> bool:
        """Whether all had been written before the command was stopped."""
        out = self.place.work / self.command.out
        return bool(self.command.out) and not self.command.begun and out.exists()
