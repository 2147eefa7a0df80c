"""Loops that take long tell how far they are, to whoever listens: by default nobody does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, TypeVar

Item = TypeVar("Item")


class Listener(Protocol):
    """Is told of loops, which may lie within each other."""

    def began(self, what: str, total: int) -> int:
        """Hear of a loop that begins; return a number for it."""

    def advanced(self, loop: int) -> None:
        """Hear that a loop has done one of its items."""

    def ended(self, loop: int) -> None:
        """Hear that a loop has ended, or was left."""


# Not an argument of every function between a command and its loops: it changes no result.
_LISTENER: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def told(listener: Listener) -> Iterator[None]:
    """Tell a listener of the loops within."""
    before = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(before)


def track(items: Sequence[Item], what: str) -> Iterator[Item]:
    """Yield the items, and tell who listens how many are done.

    Parameters
    ----------
    items : sequence
    what : str
        What they are, in the plural.

    Examples
    --------
    >>> list(track(["a", "b"], "letters"))
    ['a', 'b']
    """
    listener = _LISTENER.get()
    if listener is None:
        yield from items
        return
    loop = listener.began(what, len(items))
    try:
        for item in items:
            yield item
            listener.advanced(loop)
    finally:
        listener.ended(loop)
