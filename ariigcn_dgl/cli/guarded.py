"""How a command ends when something happens that no command expects: never by a traceback."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Sequence
from typing import NoReturn, Protocol

from ariigcn_dgl.cli.say import stop
from ariigcn_dgl.cli.signals import exit_code
from ariigcn_dgl.escape import visible
from ariigcn_dgl.out_of_memory import ADVICE, is_out_of_memory
from ariigcn_dgl.plugins import culprit

NO_READER = 128 + 13  # as a program that SIGPIPE ended
BUG = 70  # EX_SOFTWARE of sysexits.h
LONGEST_REASON = 200


class Main(Protocol):
    """A function over a command line."""

    def __call__(self, arguments: Sequence[str] | None = None) -> None:
        """Run it; by default that of the process."""


def guarded(main: Main) -> Main:
    """Let a function over a command line end with a code and at most one sentence, whatever it is.

    Raises
    ------
    SystemExit
        141 where nobody reads the output any more, and 128 and the signal's number after an
        interruption of the answer to another, without a word; 2 where a file or the output cannot
        be read or written, or memory is too small; 70 for an error of this program, which is
        described in a file, or of a class of another package (docs/extending.md).
    """

    @functools.wraps(main)
    def run(arguments: Sequence[str] | None = None) -> None:
        try:
            try:
                main(arguments)
            finally:
                _flush()  # here, where errors can be said, not when the interpreter ends
        except BrokenPipeError:
            _forget_output()
            sys.exit(NO_READER)
        except KeyboardInterrupt as interrupt:  # another one, while the first was being answered
            sys.exit(exit_code(interrupt))
        except Exception as error:
            _forget_output()
            _end(error, sys.argv[1:] if arguments is None else arguments)

    return run


def _end(error: Exception, arguments: Sequence[str]) -> NoReturn:
    if is_out_of_memory(error):
        stop(ADVICE)
    if isinstance(error, OSError) and error.strerror:
        what = error.filename or "the output, or a file"
        stop(f"{what}: cannot be read or written: {error.strerror}")
    from ariigcn_dgl.cli.crash import write_crash  # what it imports only a crash needs

    path = write_crash(error, arguments)
    reason = f"{type(error).__name__}: {error}".rstrip(": ")[:LONGEST_REASON]
    theirs = culprit(error)
    if theirs:
        traceback = f"; its traceback is in {path}" if path else ""
        print(visible(f"ariigcn: an error in {theirs} ({reason}){traceback}"), file=sys.stderr)
        sys.exit(BUG)
    where = f"please report it with the file {path}" if path else "please report it"
    print(visible(f"ariigcn: an error in ariigcn itself, {where} ({reason})"), file=sys.stderr)
    sys.exit(BUG)


def _flush() -> None:
    if sys.stdout is not None:  # a shell may have closed it
        sys.stdout.flush()


def _forget_output() -> None:
    """Keep the interpreter from trying once more to write what could not be written."""
    try:
        _flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
