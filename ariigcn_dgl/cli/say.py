"""What commands print: lines and tables whose names cannot give orders to the terminal."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

from rich.console import Console

from ariigcn_dgl.escape import visible

BAD_INPUT = 2  # what argparse and most commands of Unix end with


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


def show(shown: Any) -> None:
    """Print a table."""
    Screen().print(shown)


def stop(sentence: str) -> NoReturn:
    """Print a sentence about bad input and end with code 2."""
    note(f"ariigcn: {sentence}")
    sys.exit(BAD_INPUT)
