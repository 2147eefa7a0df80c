"""Ends of a command that somebody asked for: Ctrl-C, kill, a terminal that was closed."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGHUP)
_SOON = 0.01  # seconds; then what could not be interrupted has ended
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
    """Let SIGTERM and SIGHUP raise `Stopped` in the block; one that is ignored (nohup) stays so.

    They, and Ctrl-C, also end the block where they come in a destructor, out of which Python lets
    nothing be raised.
    """
    if threading.current_thread() is not threading.main_thread():  # which alone may handle signals
        yield
        return
    heeded = [one for one in SIGNALS if signal.getsignal(one) is signal.SIG_DFL]
    for one in heeded:
        signal.signal(one, _stop)
    usual = sys.unraisablehook

    def again(lost: Any) -> None:
        if issubclass(lost.exc_type, KeyboardInterrupt):
            _send_soon(getattr(lost.exc_value, "number", signal.SIGINT))
        else:
            usual(lost)

    sys.unraisablehook = again
    try:
        yield
    finally:
        sys.unraisablehook = usual
        for one in heeded:
            signal.signal(one, signal.SIG_DFL)


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped(number)


def _send_soon(number: int) -> None:
    timer = threading.Timer(_SOON, os.kill, (os.getpid(), number))
    timer.daemon = True
    timer.start()
