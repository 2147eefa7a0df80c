"""How a command gets on, on the standard error: bars with the time left, or a line now and then."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text

from ariigcn_dgl.cli.say import note
from ariigcn_dgl.progress import told

LINE_SECONDS = 10.0  # between lines where there is no terminal, and before the first


@contextmanager
def shown(title: str) -> Iterator[None]:
    """Show how the loops within get on.

    Nothing may be printed on the standard output within: bars would be drawn over it.

    Parameters
    ----------
    title : str
        What is done.
    """
    console = Console(stderr=True)
    with (_bars if console.is_terminal else _lines)(title, console):
        yield


@contextmanager
def _bars(title: str, console: Console) -> Iterator[None]:
    columns = (TextColumn("{task.description}"), BarColumn(20), _State())
    # The standard output may be a pipe: rich would send it to the terminal.
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as progress:
        progress.add_task(title, total=None, loop=None)
        with told(_Bars(progress)):
            yield


class _State(ProgressColumn):
    """How far a loop is; of the whole command, how long it has taken."""

    def render(self, task: Task) -> Text:
        loop = task.fields["loop"]
        return Text(f"{task.elapsed or 0:.0f} s" if loop is None else loop.in_words())


class _Bars:
    """A bar for each loop; it goes when the loop ends."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.loops: dict[int, _Loop] = {}

    def began(self, what: str, total: int) -> int:
        loop = _Loop(total)
        task = self.progress.add_task(f"  {what}", total=total, loop=loop)
        self.loops[task] = loop
        return task

    def advanced(self, loop: int) -> None:
        self.loops[loop].advance()
        self.progress.advance(TaskID(loop))

    def ended(self, loop: int) -> None:
        del self.loops[loop]
        self.progress.remove_task(TaskID(loop))


@contextmanager
def _lines(title: str, console: Console) -> Iterator[None]:
    loops = _Lines(title)
    over = threading.Event()

    def speak() -> None:
        while not over.wait(LINE_SECONDS):
            with suppress(OSError):  # nobody reads any more: that is for the command to find
                note(loops.in_words())

    speaker = threading.Thread(target=speak, daemon=True)
    speaker.start()
    try:
        with told(loops):
            yield
    finally:
        over.set()
        speaker.join()


class _Lines:
    """What a line says: of the loops that go on, the outermost first."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.begun = time.monotonic()
        self.going_on: dict[int, tuple[str, _Loop]] = {}
        self.count = 0

    def began(self, what: str, total: int) -> int:
        self.count += 1
        self.going_on[self.count] = what, _Loop(total)
        return self.count

    def advanced(self, loop: int) -> None:
        self.going_on[loop][1].advance()

    def ended(self, loop: int) -> None:
        del self.going_on[loop]

    def in_words(self) -> str:
        """Return the line."""
        loops = list(self.going_on.values())  # at once: another thread begins and ends them
        parts = [f"{what} {loop.in_words()}" for what, loop in loops]
        return f"{self.title}: " + "; ".join([f"{time.monotonic() - self.begun:.0f} s", *parts])


@dataclass
class _Loop:
    """How far a loop is, and what it will take at its pace so far."""

    total: int
    done: int = 0
    begun: float = field(default_factory=time.monotonic)
    last: float = 0.0

    def advance(self) -> None:
        self.done += 1
        self.last = time.monotonic()

    def in_words(self) -> str:
        """Return "2 of 4, about 12 s left"."""
        words = f"{self.done} of {self.total}"
        if not 0 < self.done < self.total:
            return words
        pace = (self.last - self.begun) / self.done
        left = pace * (self.total - self.done) - (time.monotonic() - self.last)
        return f"{words}, about {max(left, 0):.0f} s left"
