"""Ends of a command that somebody asked for: Ctrl-C, kill, a terminal that was closed."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGHUP)
_SIGNAL_CODE = 128  # of the exit code, to which shells add the signal's number


class Stopped(KeyboardInterrupt):
    """A signal that ends a command as Ctrl-C does: what is open is closed, what is kept is said.

    Parameters
    ----------
    number : int
        Of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def exit_code(interrupt: KeyboardInterrupt) -> int:
    """Return the exit code of a command that ended so.

    Examples
    --------
    >>> exit_code(KeyboardInterrupt()), exit_code(Stopped(signal.SIGTERM))
    (130, 143)
    """
    return _SIGNAL_CODE + getattr(interrupt, "number", signal.SIGINT)


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise `Stopped` in the block; one that is ignored (nohup) stays so."""
    if threading.current_thread() is not threading.main_thread():  # which alone may handle signals
        yield
        return
    heeded = [one for one in SIGNALS if signal.getsignal(one) is signal.SIG_DFL]
    for one in heeded:
        signal.signal(one, _stop)
    try:
        yield
    finally:
        for one in heeded:
            signal.signal(one, signal.SIG_DFL)


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped(number)
