"""The few names that a pickle may use, each with a constructor of plain data of our own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ariigcn_dgl.data.community.pickled_numpy import (
    DType,
    MalformedError,
    PendingArray,
    as_bytes,
    from_bytes,
)

# The only class whose instances community files hold; COGMEN's and DialogueGCN-mianzhang's.
RECORD_CLASS = "Sample"
# Of Python 2 and NumPy 1; by their present names they are in the table.
OLD_MODULES = {
    "__builtin__": "builtins",
    "copy_reg": "copyreg",
    "numpy.core.multiarray": "numpy._core.multiarray",
    "numpy.core.numeric": "numpy._core.numeric",
}
_LARGEST_KEY = 2**63 - 1


class Record:
    """The fields of an instance of the class `Sample`, read without the class."""

    __slots__ = ("fields",)

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}


class Name(NamedTuple):
    """A class or function that a pickle names."""

    module: str
    name: str


def checked_key(value: Any) -> Any:
    """Return a key of a kind of which no file can make many with the same hash."""
    if not isinstance(value, (str, bytes, int, float, type(None))):
        raise MalformedError(f"a key of the type {type(value).__name__}")
    # Python's hash of a whole number is its rest by 2**61 - 1: of larger ones many are the same.
    if isinstance(value, int) and not -_LARGEST_KEY <= value <= _LARGEST_KEY:
        raise MalformedError("a key that is a number of more than 64 bits")
    return value


def record(kind: object, *arguments: object) -> Record:
    """Return an empty record, if the class is known and takes no arguments."""
    if not isinstance(kind, Name) or kind.name != RECORD_CLASS or arguments:
        raise MalformedError("an instance of something other than a Sample")
    return Record()


def _reconstruct_record(kind: object, base: object, _: object) -> Record:
    return record(kind, *() if base == Name("builtins", "object") else (base,))


def _reconstruct_array(kind: object, *_: object) -> PendingArray:
    if kind != Name("numpy", "ndarray"):
        raise MalformedError("an array of a class of its own")
    return PendingArray()


def _dict(pairs: Any = ()) -> dict[Any, Any]:
    return {checked_key(key): value for key, value in pairs}


def _set(values: Any = ()) -> set[Any]:
    return set(map(checked_key, values))


def _bytes(text: object = b"", encoding: object = "latin1") -> bytes:
    if encoding not in ("latin1", "latin-1"):
        raise MalformedError("text in an unknown encoding")
    return as_bytes(text)


def _not_callable(*_: object) -> Any:
    raise MalformedError("a call of a type")


CONSTRUCTORS: dict[Name, Callable[..., Any]] = {
    Name("_codecs", "encode"): _bytes,
    Name("builtins", "bytearray"): _bytes,
    Name("builtins", "bytes"): _bytes,
    Name("builtins", "dict"): _dict,
    Name("builtins", "frozenset"): _set,
    Name("builtins", "list"): lambda values=(): list(values),
    Name("builtins", "object"): _not_callable,
    Name("builtins", "set"): _set,
    Name("builtins", "tuple"): lambda values=(): tuple(values),
    Name("collections", "OrderedDict"): _dict,
    Name("collections", "defaultdict"): lambda *_: {},
    Name("copyreg", "_reconstructor"): _reconstruct_record,
    Name("numpy", "dtype"): DType,
    Name("numpy", "ndarray"): _not_callable,
    Name("numpy._core.multiarray", "_reconstruct"): _reconstruct_array,
    Name("numpy._core.multiarray", "scalar"): lambda kind, raw: from_bytes(raw, kind, ()).item(),
    Name("numpy._core.numeric", "_frombuffer"): from_bytes,
}
