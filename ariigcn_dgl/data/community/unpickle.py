"""Read a pickle's plain values and NumPy arrays by a machine that can run nothing.

A pickle is a program for a stack machine; the danger is in its instructions that import names and
call them. This machine imports nothing and calls nothing that a file names: a name is looked up in
a table of a dozen constructors of our own, any other one ends the reading. What comes out are
None, bool, int, float, str, bytes, list, tuple, dict, set, numeric and text arrays (arrays of
objects become lists), and `Record`.
"""

from __future__ import annotations

import mmap
import struct
import sys
from pathlib import Path
from typing import Any

from ariigcn_dgl.data.community.pickle_instructions import INSTRUCTIONS
from ariigcn_dgl.data.community.pickle_names import (
    CONSTRUCTORS,
    RECORD_CLASS,
    Name,
    Record,
    checked_key,
)
from ariigcn_dgl.data.community.pickle_tree import check_tree
from ariigcn_dgl.data.community.pickled_numpy import (
    DType,
    MalformedError,
    PendingArray,
    as_text,
)
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import open_regular
from ariigcn_dgl.read_limits import ADVICE, allowed

# Bytes into a file of something else at which the reading stops.
_TOO_EARLY = 2
_LONGEST_NAME = 256
_DAMAGE = (
    IndexError,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    OverflowError,
    MemoryError,
    RecursionError,
    struct.error,
)


def unpickle(path: str | Path) -> Any:
    """Return the value of a pickle file.

    Parameters
    ----------
    path : str or Path
        A pickle of protocol 0 to 5, also of Python 2 (text is read as latin1).

    Raises
    ------
    InputError
        If the file is missing, damaged, truncated, or names anything but plain data.

    Examples
    --------
    >>> import os, pickle, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "a.pkl")
    ...     _ = path.write_bytes(pickle.dumps({"d1": [1.5, "text"]}))
    ...     unpickle(path)
    ...     _ = path.write_bytes(pickle.dumps(os.getcwd))
    ...     try:
    ...         unpickle(path)
    ...     except InputError as error:
    ...         print(str(error).removeprefix(f"{path}: ")[:22])
    {'d1': [1.5, 'text']}
    names posix.getcwd: no
    """
    try:
        with open_regular(path) as file:
            if file.read(1) == b"":
                raise InputError(f"{path}: is empty, expected a pickle")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return unpickle_bytes(content, str(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def unpickle_bytes(content: bytes | mmap.mmap, where: str, start: int = 0) -> Any:
    """Return the value of the pickle that starts at a byte of `content`; see `unpickle`."""
    machine = Machine(content, start)
    try:
        return machine.run()
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    except MalformedError as error:
        raise InputError(f"{where}: holds {error} (before byte {machine.at})") from error
    except _DAMAGE as error:
        end = "truncated" if machine.at >= len(content) else "damaged"
        if machine.at - start <= _TOO_EARLY:
            raise InputError(f"{where}: not a pickle") from error
        raise InputError(
            f"{where}: {end}: reading stopped at byte {machine.at} of {len(content)}; "
            f"download or copy the file again"
        ) from error


class Machine:
    """The stack machine: what each instruction of a pickle may do."""

    def __init__(self, content: bytes | mmap.mmap, start: int) -> None:
        self.content = content
        self.at = start
        self.stack: list[Any] = []
        self.marks: list[int] = []  # heights of the stack
        self.memo: dict[int, Any] = {}
        # A small file could ask for copies of its largest value over and over.
        self.allowance = allowed(64 * len(content) + (1 << 26))

    def run(self) -> Any:
        """Run the pickle to its end and return its value."""
        content, table = self.content, INSTRUCTIONS
        while True:
            code = content[self.at]
            self.at += 1
            if code == 0x2E:  # STOP
                (value,) = self.stack
                check_tree(value, allowed(16 * len(content) + (1 << 22)))
                return value
            table[code](self)

    def take(self, count: int) -> bytes:
        """Return the next bytes."""
        end = self.at + count
        if end > len(self.content):
            self.at = len(self.content)
            raise IndexError
        piece = self.content[self.at : end]
        self.at = end
        return piece

    def number(self, form: str) -> Any:
        """Return the next number of a `struct` form."""
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def line(self) -> str:
        """Return the text up to the end of the line."""
        end = self.content.find(b"\n", self.at)
        if end < 0:
            self.at = len(self.content)
            raise IndexError
        line = self.take(end + 1 - self.at)[:-1].decode("utf-8")
        if line.endswith("\r"):
            raise MalformedError(
                "lines that end with CR LF: a transfer as text has changed it, copy the file again "
                "in binary mode"
            )
        return line

    def pop_mark(self) -> list[Any]:
        """Take what was pushed since the last mark."""
        at = self.marks.pop()
        values = self.stack[at:]
        del self.stack[at:]
        return values

    def pop(self, count: int) -> tuple[Any, ...]:
        """Take so many values."""
        if len(self.stack) < count:
            raise IndexError
        values = tuple(self.stack[-count:])
        del self.stack[-count:]
        return values

    def remember(self, key: int) -> None:
        """Note the value on top under a key."""
        value = self.stack[-1]
        self.memo[key] = value
        if isinstance(value, PendingArray):
            value.memo_keys.append(key)

    def build(self) -> None:
        """Give the value on top its state."""
        (state,) = self.pop(1)
        target = self.stack[-1]
        if isinstance(target, PendingArray):
            self.spend(sys.getsizeof(state[-1]) if state else 0)
            self.stack[-1] = array = self.afford(target.build(state))
            for key in target.memo_keys:
                self.memo[key] = array
        elif isinstance(target, DType):
            target.set_state(state)
        elif isinstance(target, Record) and isinstance(state, dict):
            target.fields.update(state)
        else:
            raise MalformedError(f"a state for {type(target).__name__}, which has none")

    def push_name(self, module: object, name: object) -> None:
        """Push a name of the table; any other one ends the reading."""
        if any(len(part) > _LONGEST_NAME for part in (module, name)):
            raise MalformedError("a name of a class that is longer than any")
        found = Name(as_text(module), as_text(name))
        if found not in CONSTRUCTORS and found.name != RECORD_CLASS:
            raise InputError(
                f"names {'.'.join(found)[:80]}: no plain data, and maybe code that would run when "
                f"the file is opened as usual; nothing was run; expected numbers, text, lists, "
                f"dictionaries and NumPy arrays only"
            )
        self.stack.append(found)

    def call(self, function: object, arguments: object) -> None:
        """Push what the constructor of a name makes."""
        if not isinstance(function, Name) or not isinstance(arguments, tuple):
            raise MalformedError("a call of something that is no name")
        self.stack.append(self.afford(CONSTRUCTORS[function](*arguments)))

    def afford(self, value: Any) -> Any:
        """Return a constructed value, unless all of them together are out of proportion."""
        self.spend(getattr(value, "nbytes", 0) or sys.getsizeof(value))
        return value

    def spend(self, size: int) -> None:
        """Take bytes from what the file may ask for."""
        self.allowance -= size
        if self.allowance < 0:
            raise MalformedError(f"far more data than a file of its size can describe; {ADVICE}")

    def instance(self, kind: object, arguments: object) -> None:
        """Push an empty record."""
        if not isinstance(kind, Name) or kind.name != RECORD_CLASS or arguments:
            raise MalformedError("an instance of something other than a Sample")
        self.stack.append(Record())

    def set_items(self, pairs: list[Any]) -> None:
        """Put pairs into the dictionary on top."""
        target = self.stack[-1]
        if not isinstance(target, dict) or len(pairs) % 2:
            raise MalformedError("items for something that is no dictionary")
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            target[checked_key(key)] = value

    def append(self, values: list[Any]) -> None:
        """Append to the list on top."""
        target = self.stack[-1]
        if not isinstance(target, list):
            raise MalformedError("elements for something that is no list")
        target.extend(values)

    def add(self, values: list[Any]) -> None:
        """Add to the set on top."""
        target = self.stack[-1]
        if not isinstance(target, set):
            raise MalformedError("elements for something that is no set")
        target.update(map(checked_key, values))
