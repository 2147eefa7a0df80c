"""The few names that a pickle may use, each with a constructor of plain data of our own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ariigcn_dgl.data.community.pickled_numpy import (
    DType,
    MalformedError,
    PendingArray,
    as_bytes,
    as_text,
    from_bytes,
    scalar,
)

# The only class whose instances community files hold; COGMEN's and DialogueGCN-mianzhang's.
RECORD_CLASS = "Sample"
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


def _pending(kind: object, *_: object) -> PendingArray:
    if kind != Name("numpy", "ndarray"):
        raise MalformedError("an array of a class of its own")
    return PendingArray()


def _pairs(pairs: Any = ()) -> dict[Any, Any]:
    return {checked_key(key): value for key, value in pairs}


def _default(*_: object) -> dict[Any, Any]:
    return {}


def _members(values: Any = ()) -> set[Any]:
    return set(map(checked_key, values))


def _encode(text: object, encoding: object = "latin1") -> bytes:
    if as_text(encoding).replace("-", "").lower() not in ("latin1", "utf8", "ascii"):
        raise MalformedError("text in an unknown encoding")
    return text.encode(as_text(encoding)) if isinstance(text, str) else as_bytes(text)


def _bytes(value: object = b"", *_: object) -> bytes:
    return bytes(value) if isinstance(value, list) else as_bytes(value)


def _reconstruct(kind: object, base: object, _: object) -> Record:
    known = isinstance(kind, Name) and kind.name == RECORD_CLASS
    if not known or not isinstance(base, Name) or base.name != "object":
        raise MalformedError("an instance of something other than a Sample")
    return Record()


def _not_callable(*_: object) -> Any:
    raise MalformedError("a call of a type")


def _table() -> dict[Name, Callable[..., Any]]:
    table = {
        Name("numpy", "ndarray"): _not_callable,
        Name("numpy", "dtype"): lambda code, *_: DType(code),
        Name("_codecs", "encode"): _encode,
        Name("collections", "OrderedDict"): _pairs,
        Name("collections", "defaultdict"): _default,
    }
    for core in ("numpy.core", "numpy._core"):
        table[Name(f"{core}.multiarray", "_reconstruct")] = _pending
        table[Name(f"{core}.multiarray", "scalar")] = scalar
        table[Name(f"{core}.numeric", "_frombuffer")] = from_bytes
    for module in ("builtins", "__builtin__"):
        table |= {Name(module, kind): _members for kind in ("set", "frozenset")}
        table |= {Name(module, kind): _bytes for kind in ("bytes", "bytearray")}
        table |= {Name(module, "list"): lambda values=(): list(values)}
        table |= {Name(module, "tuple"): lambda values=(): tuple(values)}
        table |= {Name(module, "dict"): _pairs, Name(module, "object"): _not_callable}
    for module in ("copy_reg", "copyreg"):
        table[Name(module, "_reconstructor")] = _reconstruct
    return table


CONSTRUCTORS = _table()
