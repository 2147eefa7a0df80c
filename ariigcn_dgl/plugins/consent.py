"""Which modules may be imported because a file names them: those that the user has named, too."""

from __future__ import annotations

import re

from ariigcn_dgl.errors import InputError

# A module and a class in it, wherever it stands in an option.
NAME = re.compile(r"(?<![\w.])([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):[A-Za-z_]\w*")
MODULE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_agreed: set[str] = set()


class NotAgreedError(InputError):
    """A file names a class of a module that the user has not named."""


def agree(*names: str) -> None:
    """Let modules be imported where a setting names a class of theirs, in this process.

    Parameters
    ----------
    *names : str
        ``module`` or ``module:Class``; nothing is imported yet.

    Raises
    ------
    InputError
        If one has another form.

    Examples
    --------
    >>> agree("my-module")
    Traceback (most recent call last):
    ariigcn_dgl.errors.InputError: 'my-module': expected a module of Python, or module:Class
    """
    for name in names:
        module = name.partition(":")[0]
        if not (MODULE.fullmatch(name) or NAME.fullmatch(name)):
            raise InputError(f"'{name}': expected a module of Python, or module:Class")
        _agreed.add(module)


def agreed() -> tuple[str, ...]:
    """Return the modules that may be imported, for a process that works for this one."""
    return tuple(sorted(_agreed))


def option() -> list[str]:
    """Return the words of a command line that agree again, where that is needed."""
    return ["--plugins", *agreed()] if _agreed else []
