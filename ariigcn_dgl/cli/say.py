"""What commands print: lines and tables whose names cannot give orders to the terminal."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console

from ariigcn_dgl.escape import visible


class Screen(Console):
    """A console that leaves it to `guarded` what happens when nobody reads any more."""

    def on_broken_pipe(self) -> None:
        """Raise, where rich would end the program with code 1."""
        raise BrokenPipeError


def say(line: str) -> None:
    """Print a line on the standard output, control characters written out."""
    print(visible(line))


def note(line: str) -> None:
    """Print a line on the standard error, at once, control characters written out."""
    print(visible(line), file=sys.stderr, flush=True)


def show(shown: Any, narrowest: int = 0) -> None:
    """Print a table, at least so wide where there is no terminal."""
    console = Screen()
    if narrowest and not console.is_terminal:
        console = Screen(width=max(narrowest, console.width))
    console.print(shown)
