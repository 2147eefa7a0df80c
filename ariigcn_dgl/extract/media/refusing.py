"""What PyAV may raise about a file, as one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.optional import require

# PyAV's own errors are an av.FFmpegError and, most of them, one of these, too; a damaged header
# also leads to texts that are no UTF-8, and to sizes that no array can have.
_PLAIN = (ValueError, OverflowError, EOFError, MemoryError, OSError, NotImplementedError)


def pyav() -> ModuleType:
    """Return PyAV; InputError says how to install it."""
    return require("av", "extract")


def raised() -> tuple[type[BaseException], ...]:
    """Return the types of what PyAV raises about files."""
    return (pyav().FFmpegError, *_PLAIN)


def reason(error: BaseException) -> str:
    """Return why, on one line.

    >>> reason(MemoryError()), reason(ValueError("bad   size"))
    ('MemoryError', 'bad size')
    """
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(words).split())


@contextmanager
def refusing(path: Path, what: str) -> Iterator[None]:
    """Raise `InputError` instead of what PyAV raises within.

    Parameters
    ----------
    path : Path
    what : str
        What fails then: "cannot be decoded".
    """
    try:
        yield
    except InputError:
        raise
    except raised() as error:
        raise InputError(
            f"{path}: {what}: {reason(error)}; damaged, truncated, or no recording"
        ) from error
