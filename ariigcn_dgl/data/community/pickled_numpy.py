"""NumPy arrays out of the pieces that a pickle holds, without NumPy's own unpickling."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

# bool, signed, unsigned, float, bytes, text, object; datetimes and records carry no feature.
_CODE = re.compile(r"[|<>=]?([biufSU])(\d{1,9})|[|<>=]?(O)8?")
_ORDERS = {"<": "<", ">": ">", "|": "|", "=": "="}


class MalformedError(ValueError):
    """The pieces do not fit together; the text says how."""


class DType:
    """A dtype whose byte order comes with a later instruction of the pickle."""

    __slots__ = ("code", "order")

    def __init__(self, code: object) -> None:
        found = _CODE.fullmatch(as_text(code))
        if not found:
            raise MalformedError(
                f"an array of the type {as_text(code)[:20]!r}, expected plain numbers"
            )
        self.code = found[3] or found[1] + found[2]
        self.order = as_text(code)[0] if as_text(code)[0] in _ORDERS else "="

    def set_state(self, state: object) -> None:
        """Take the byte order from the state ``(version, order, ...)``."""
        if not isinstance(state, tuple) or len(state) < 2 or state[1] not in _ORDERS:
            raise MalformedError("a data type without a byte order")
        self.order = state[1]

    @property
    def is_object(self) -> bool:
        """Whether the elements are Python values."""
        return self.code == "O"

    def resolve(self) -> np.dtype:
        """Return NumPy's dtype of numbers or text."""
        try:
            return np.dtype(self.order + self.code)
        except (TypeError, ValueError) as error:
            raise MalformedError(f"an array of the unknown type {self.code!r}") from error


class PendingArray:
    """An array whose shape, type and content come with a later instruction of the pickle."""

    __slots__ = ("memo_keys",)

    def __init__(self) -> None:
        self.memo_keys: list[int] = []

    def build(self, state: object) -> Any:
        """Return the array of the state ``(version, shape, dtype, fortran, content)``."""
        if not isinstance(state, tuple) or len(state) != 5 or not isinstance(state[2], DType):
            raise MalformedError("an array without shape, type and content")
        _, shape, dtype, fortran, content = state
        if dtype.is_object:
            return nested(content, checked_shape(shape))
        return from_bytes(content, dtype, shape, "F" if fortran else "C")


def from_bytes(content: object, dtype: object, shape: object, order: object = "C") -> np.ndarray:
    """Return the array of numbers or text that the bytes hold."""
    if not isinstance(dtype, DType) or dtype.is_object or order not in ("C", "F"):
        raise MalformedError("an array of Python objects in a buffer")
    kind, shape, raw = dtype.resolve(), checked_shape(shape), as_bytes(content)
    if len(raw) != math.prod(shape) * kind.itemsize or kind.itemsize == 0:
        raise MalformedError(f"an array of shape {shape} ({kind}) with {len(raw)} bytes of content")
    array = np.frombuffer(raw, kind).reshape(shape, order=order)
    if kind.kind == "S":
        return _from_latin1(array)
    return array.astype(kind.newbyteorder("="), copy=False)


def _from_latin1(array: np.ndarray) -> np.ndarray:
    # A byte of latin1 is the number of its letter; np.char.decode calls Python for each element.
    letters = np.ascontiguousarray(array).view(np.uint8).astype(np.uint32)
    return letters.view(f"U{array.dtype.itemsize}").reshape(array.shape)


def scalar(dtype: object, content: object) -> Any:
    """Return the Python value of a NumPy scalar."""
    return from_bytes(content, dtype, ()).item()


def nested(content: object, shape: tuple[int, ...]) -> Any:
    """Return the elements of an array of objects as lists in lists; the element itself of 0-d."""
    if not isinstance(content, list) or len(content) != math.prod(shape):
        raise MalformedError(f"an array of objects of shape {shape} without its elements")
    for length in reversed(shape[1:]):
        content = [content[at : at + length] for at in range(0, len(content), length or 1)]
    return content if shape else content[0]


def checked_shape(shape: object) -> tuple[int, ...]:
    """Return the shape if it is one."""
    if isinstance(shape, int):
        shape = (shape,)
    if not isinstance(shape, tuple) or len(shape) > 8:
        raise MalformedError("an array without a shape")
    if not all(type(length) is int and 0 <= length < 1 << 40 for length in shape):
        raise MalformedError("an array with a shape that is not of whole numbers")
    return shape


def as_bytes(value: object) -> bytes:
    """Return bytes; text of a Python 2 pickle holds one byte a letter."""
    if isinstance(value, str):
        return value.encode("latin1")
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    raise MalformedError(f"{type(value).__name__} where bytes belong")


def as_text(value: object) -> str:
    """Return text; bytes are read as latin1."""
    if isinstance(value, bytes):
        return value.decode("latin1")
    if isinstance(value, str) and value:
        return value
    raise MalformedError(f"{type(value).__name__} where text belongs")
