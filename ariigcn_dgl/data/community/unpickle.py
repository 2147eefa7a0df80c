"""Read a pickle's plain values and NumPy arrays, without running anything that it names.

A pickle is a program for a stack machine; the danger is in its instructions that import names and
call them. Python's own machine runs it here, with those instructions replaced: a name is looked up
in a table of a dozen constructors of our own, any other one ends the reading. What comes out are
None, bool, int, float, str, bytes, list, tuple, dict, set, numeric and text arrays (arrays of
objects become lists), and `Record`.

It is the machine in Python, `pickle._Unpickler`: the one in C takes as much memory for its memo as
a file's largest index asks for.
"""

from __future__ import annotations

import mmap
import pickle
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ariigcn_dgl.data.community.pickle_names import (
    CONSTRUCTORS,
    OLD_MODULES,
    RECORD_CLASS,
    Name,
    Record,
    checked_key,
    record,
)
from ariigcn_dgl.data.community.pickle_tree import check_tree
from ariigcn_dgl.data.community.pickled_numpy import DType, MalformedError, PendingArray, array_of
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import open_regular
from ariigcn_dgl.read_limits import ADVICE, allowed

# Bytes into a file of something else at which the reading stops.
_TOO_EARLY = 2
# Python's names. Left out: persistent ids, registered extensions, buffers from outside the file.
_INSTRUCTIONS = re.compile(
    "load_(proto|frame|stop|mark|pop|pop_mark|dup|memoize|(long_)?bin(put|get)|put|get|none|true"
    "|false|int|long|long[14]|float|binint[12]?|binfloat|string|unicode|(short_)?bin(string|bytes)"
    "|(short_)?binunicode|bin(unicode|bytes)8|bytearray8|(empty_)?tuple|tuple[123]|(empty_)?list"
    "|appends?|empty_dictionary|dict|setitems?|empty_set|frozenset|additems|(stack_)?global"
    "|reduce|build|inst|obj|newobj|newobj_ex)"
)
_DAMAGE = (
    *(pickle.UnpicklingError, EOFError, LookupError, ValueError, TypeError, AttributeError),
    *(OverflowError, MemoryError, RecursionError),
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
    file = _File(content, start)
    try:
        machine = _Unpickler(file)
        value = machine.load()
        if machine.stack or machine.metastack:
            raise ValueError("more than one value")
        check_tree(value, allowed(16 * len(content) + (1 << 22)))
        return value
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    except MalformedError as error:
        raise InputError(f"{where}: holds {error} (before byte {file.at})") from error
    except _DAMAGE as error:
        end = "truncated" if file.at >= len(content) else "damaged"
        if file.at - start <= _TOO_EARLY:
            raise InputError(f"{where}: not a pickle") from error
        raise InputError(
            f"{where}: {end}: reading stopped at byte {file.at} of {len(content)}; "
            f"download or copy the file again"
        ) from error


class _File:
    """A file's bytes, of which none may be missing."""

    def __init__(self, content: bytes | mmap.mmap, start: int) -> None:
        self.content = content
        self.at = start

    def read(self, count: int) -> bytes:
        start, self.at = self.at, min(self.at + count, len(self.content))
        if self.at < start + count:
            raise EOFError
        return self.content[start : self.at]

    def line(self) -> bytes:
        end = self.content.find(b"\n", self.at)
        return self.read((end if end >= 0 else len(self.content)) + 1 - self.at)

    def readline(self) -> bytes:
        line = self.line()
        if line.endswith(b"\r\n"):
            raise MalformedError(
                "lines that end with CR LF: a transfer as text has changed it, copy the file again "
                "in binary mode"
            )
        return line


class _Memo(dict[int, Any]):
    """What the file refers to by numbers."""

    def __setitem__(self, key: int, value: Any) -> None:
        super().__setitem__(checked_key(key), value)
        if isinstance(value, PendingArray):
            value.memo_keys.append(key)


class _Unpickler(pickle._Unpickler):
    """Python's machine with a table of its own: an instruction that is not in it ends the reading.

    Left out are persistent ids, registered extensions and buffers from outside the file.
    """

    # Python's own, which are in no stub.
    stack: list[Any]
    metastack: list[list[Any]]
    append: Callable[[Any], None]
    read: Callable[[int], bytes]
    readline: Callable[[], bytes]
    pop_mark: Callable[[], list[Any]]

    def __init__(self, file: _File) -> None:
        super().__init__(file, encoding="latin1")
        self.file, self.memo = file, _Memo()
        # A small file could ask for copies of its largest value over and over.
        self.allowance = allowed(64 * len(file.content) + (1 << 26))

    def find_class(self, module: str, name: str) -> Name:
        found = Name(OLD_MODULES.get(module, module), name)
        if found not in CONSTRUCTORS and name != RECORD_CLASS:
            raise InputError(
                f"names {module[:80]}.{name[:80]}: no plain data, and maybe code that would run "
                f"when the file is opened as usual; nothing was run; expected numbers, text, "
                f"lists, dictionaries and NumPy arrays only"
            )
        return found

    def load_reduce(self) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        if not isinstance(function, Name) or not isinstance(arguments, tuple):
            raise MalformedError("a call of something that is no name")
        for argument in arguments:  # whose values may be many and make few
            self._afford(argument)
        self.append(self._afford(CONSTRUCTORS[function](*arguments)))

    def load_build(self) -> None:
        state, target = self._afford(self.stack.pop()), self.stack[-1]
        if isinstance(target, PendingArray):
            self._afford(state[-1])
            self.stack[-1] = array = self._afford(array_of(state))
            self.memo.update(dict.fromkeys(target.memo_keys, array))
            target.memo_keys.clear()  # or copies of it could make each other's keys anew, for ever
        elif isinstance(target, DType):
            target.set_state(state)
        elif isinstance(target, Record) and isinstance(state, dict):
            target.fields.update(state)
        else:
            raise MalformedError(f"a state for {type(target).__name__}, which has none")

    def _afford(self, value: Any) -> Any:
        """Return a value, unless all of them together are out of proportion."""
        self.allowance -= getattr(value, "nbytes", 0) or sys.getsizeof(value)
        if self.allowance < 0:
            raise MalformedError(f"far more data than a file of its size can describe; {ADVICE}")
        return value

    def _instantiate(self, kind: Any, arguments: Any) -> None:
        self.append(record(kind, *arguments))

    def load_newobj(self) -> None:
        arguments, kind = self.stack.pop(), self.stack.pop()
        self._instantiate(kind, arguments)

    def load_newobj_ex(self) -> None:
        named, arguments, kind = (self.stack.pop() for _ in range(3))
        self._instantiate(kind, (*arguments, *named))

    # Of whole numbers only what Python can write into a message: decimal lines, which it limits
    # itself, and up to 255 bytes.
    def load_int(self) -> None:
        line = self.readline()[:-1]
        self.append(line == b"01" if line in (b"00", b"01") else int(line))

    def load_long(self) -> None:
        self.append(int(self.readline().rstrip(b"L\n")))

    def load_long4(self) -> None:
        raise MalformedError(f"a whole number of {int.from_bytes(self.read(4), 'little')} bytes")

    def load_unicode(self) -> None:
        # Python 2 leaves a CR at the end of a text as it is.
        self.append(str(self.file.line()[:-1], "raw-unicode-escape"))

    def load_dict(self) -> None:
        pairs = self.pop_mark()
        self.append({})
        self._set_items(pairs)

    def load_setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._set_items([key, value])

    def load_setitems(self) -> None:
        self._set_items(self.pop_mark())

    def _set_items(self, pairs: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict):
            raise MalformedError("items for something that is no dictionary")
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            target[checked_key(key)] = value

    def load_frozenset(self) -> None:
        members = self.pop_mark()
        self.append(set(map(checked_key, members)))

    def load_additems(self) -> None:
        members, target = self.pop_mark(), self.stack[-1]
        if not isinstance(target, set):
            raise MalformedError("elements for something that is no set")
        target.update(map(checked_key, members))

    def load_frame(self) -> None:
        self.read(8)  # a hint about buffering

    load_bytearray8 = pickle._Unpickler.dispatch[pickle.BINBYTES8[0]]


_Unpickler.dispatch = {
    code: getattr(_Unpickler, instruction.__name__)
    for code, instruction in pickle._Unpickler.dispatch.items()
    if _INSTRUCTIONS.fullmatch(instruction.__name__)
}
