"""One process at a time in a folder."""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import sweep

LOCK_FILE = ".lock"
_POLL_SECONDS = 0.1


def is_locked(folder: Path) -> bool:
    """Whether a process is in a folder, which need not be one that can be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     with locked(Path(name), "is in use"):
    ...         inside = is_locked(Path(name))
    ...     inside, is_locked(Path(name))
    (True, False)
    """
    try:
        lock = (folder / LOCK_FILE).open("r")
    except OSError:  # nobody has ever been in it
        return False
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)  # given back when the file is closed
        except BlockingIOError:
            return True
        except OSError as error:
            raise InputError(f"{folder}: cannot be locked: {error.strerror}") from error
    return False


@contextlib.contextmanager
def locked(folder: Path, busy: str, patience: float = 0.0) -> Iterator[None]:
    """Keep other processes out of a folder, and remove what killed ones left in it.

    The system ends the lock with the process, however that ends; a folder keeps its lock when it is
    renamed.

    Parameters
    ----------
    folder : Path
    busy : str
        What to say, after the folder's name, if another process is in it.
    patience : float
        Seconds to wait for it.

    Raises
    ------
    InputError
        If another process is in it, or nothing can be written there.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name, locked(Path(name), "is in use"):
    ...     with locked(Path(name), "is in use"):
    ...         pass
    Traceback (most recent call last):
    ariigcn_dgl.errors.InputError: ...: is in use
    """
    try:
        lock = (folder / LOCK_FILE).open("w")
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror}") from error
    with lock:
        try:
            _lock(lock, patience)
        except BlockingIOError as error:
            raise InputError(f"{folder}: {busy}") from error
        except OSError as error:
            raise InputError(f"{folder}: cannot be locked: {error.strerror}") from error
        sweep(folder)
        yield


def _lock(lock: TextIO, patience: float) -> None:
    deadline = time.monotonic() + patience
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(_POLL_SECONDS)
