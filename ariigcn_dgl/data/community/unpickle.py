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
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from ariigcn_dgl.data.community.pickle_instructions import INSTRUCTIONS
from ariigcn_dgl.data.community.pickled_numpy import (
    DType,
    Malformed,
    PendingArray,
    as_bytes,
    as_text,
    from_bytes,
    scalar,
)
from ariigcn_dgl.errors import InputError

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
# The only class whose instances community files hold; COGMEN's and DialogueGCN-mianzhang's.
_RECORD_CLASS = "Sample"


class Record:
    """The fields of an instance of the class `Sample`, read without the class."""

    __slots__ = ("fields",)

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}


class _Name(NamedTuple):
    module: str
    name: str


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
        with Path(path).open("rb") as file:
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
    except Malformed as error:
        raise InputError(f"{where}: holds {error} (before byte {machine.at})") from error
    except _DAMAGE as error:
        end = "truncated" if machine.at >= len(content) else "damaged, or not a pickle"
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
        self.allowance = 64 * len(content) + (1 << 26)

    def run(self) -> Any:
        """Run the pickle to its end and return its value."""
        content, table = self.content, INSTRUCTIONS
        while True:
            code = content[self.at]
            self.at += 1
            if code == 0x2E:  # STOP
                (value,) = self.stack
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
        return self.take(end + 1 - self.at)[:-1].decode("utf-8")

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
            self.stack[-1] = array = self.afford(target.build(state))
            for key in target.memo_keys:
                self.memo[key] = array
        elif isinstance(target, DType):
            target.set_state(state)
        elif isinstance(target, Record) and isinstance(state, dict):
            target.fields.update(state)
        else:
            raise Malformed(f"a state for {type(target).__name__}, which has none")

    def push_name(self, module: object, name: object) -> None:
        """Push a name of the table; any other one ends the reading."""
        found = _Name(as_text(module), as_text(name))
        if found not in _CONSTRUCTORS and found.name != _RECORD_CLASS:
            raise InputError(
                f"names {'.'.join(found)[:80]}: no plain data, and maybe code that would run when "
                f"the file is opened as usual; nothing was run; expected numbers, text, lists, "
                f"dictionaries and NumPy arrays only"
            )
        self.stack.append(found)

    def call(self, function: object, arguments: object) -> None:
        """Push what the constructor of a name makes."""
        if not isinstance(function, _Name) or not isinstance(arguments, tuple):
            raise Malformed("a call of something that is no name")
        self.stack.append(self.afford(_CONSTRUCTORS[function](*arguments)))

    def afford(self, value: Any) -> Any:
        """Return a constructed value, unless all of them together are out of proportion."""
        self.allowance -= getattr(value, "nbytes", 0) or sys.getsizeof(value)
        if self.allowance < 0:
            raise Malformed("far more data than a file of its size can describe")
        return value

    def instance(self, kind: object, arguments: object) -> None:
        """Push an empty record."""
        if not isinstance(kind, _Name) or kind.name != _RECORD_CLASS or arguments:
            raise Malformed("an instance of something other than a Sample")
        self.stack.append(Record())

    def set_items(self, pairs: list[Any]) -> None:
        """Put pairs into the dictionary on top."""
        target = self.stack[-1]
        if not isinstance(target, dict) or len(pairs) % 2:
            raise Malformed("items for something that is no dictionary")
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            target[_key(key)] = value

    def append(self, values: list[Any]) -> None:
        """Append to the list on top."""
        target = self.stack[-1]
        if not isinstance(target, list):
            raise Malformed("elements for something that is no list")
        target.extend(values)

    def add(self, values: list[Any]) -> None:
        """Add to the set on top."""
        target = self.stack[-1]
        if not isinstance(target, set):
            raise Malformed("elements for something that is no set")
        target.update(map(_key, values))


def _key(value: Any) -> Any:
    """Return a key; hashing deeper tuples of a hostile file could exhaust the C stack."""
    flat = value if isinstance(value, tuple) else (value,)
    if not all(isinstance(part, (str, bytes, int, float, type(None))) for part in flat):
        raise Malformed(f"a key of the type {type(value).__name__}")
    return value


def _pending(kind: object, *_: object) -> PendingArray:
    if kind != _Name("numpy", "ndarray"):
        raise Malformed("an array of a class of its own")
    return PendingArray()


def _pairs(pairs: Any = ()) -> dict[Any, Any]:
    return {_key(key): value for key, value in pairs}


def _default(*_: object) -> dict[Any, Any]:
    return {}


def _members(values: Any = ()) -> set[Any]:
    return set(map(_key, values))


def _encode(text: object, encoding: object = "latin1") -> bytes:
    if as_text(encoding).replace("-", "").lower() not in ("latin1", "utf8", "ascii"):
        raise Malformed("text in an unknown encoding")
    return text.encode(as_text(encoding)) if isinstance(text, str) else as_bytes(text)


def _bytes(value: object = b"", *_: object) -> bytes:
    return bytes(value) if isinstance(value, list) else as_bytes(value)


def _reconstruct(kind: object, base: object, _: object) -> Record:
    known = isinstance(kind, _Name) and kind.name == _RECORD_CLASS
    if not known or not isinstance(base, _Name) or base.name != "object":
        raise Malformed("an instance of something other than a Sample")
    return Record()


def _not_callable(*_: object) -> Any:
    raise Malformed("a call of a type")


def _table() -> dict[_Name, Callable[..., Any]]:
    table = {
        _Name("numpy", "ndarray"): _not_callable,
        _Name("numpy", "dtype"): lambda code, *_: DType(code),
        _Name("_codecs", "encode"): _encode,
        _Name("collections", "OrderedDict"): _pairs,
        _Name("collections", "defaultdict"): _default,
    }
    for core in ("numpy.core", "numpy._core"):
        table[_Name(f"{core}.multiarray", "_reconstruct")] = _pending
        table[_Name(f"{core}.multiarray", "scalar")] = scalar
        table[_Name(f"{core}.numeric", "_frombuffer")] = from_bytes
    for module in ("builtins", "__builtin__"):
        table |= {_Name(module, kind): _members for kind in ("set", "frozenset")}
        table |= {_Name(module, kind): _bytes for kind in ("bytes", "bytearray")}
        table |= {_Name(module, "list"): lambda values=(): list(values)}
        table |= {_Name(module, "tuple"): lambda values=(): tuple(values)}
        table |= {_Name(module, "dict"): _pairs, _Name(module, "object"): _not_callable}
    for module in ("copy_reg", "copyreg"):
        table[_Name(module, "_reconstructor")] = _reconstruct
    return table


_CONSTRUCTORS = _table()
