"""NumPy arrays out of the pieces that a pickle holds, without NumPy's own unpickling."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

# bool, signed, unsigned, float, bytes, text, object; datetimes and records carry no feature.
_CODE = re.compile(r"[|<>=]?([biufSU]\d{1,9}|O8?)")


class MalformedError(ValueError):
    """The pieces do not fit together; the text says how."""


class DType:
    """A dtype whose byte order comes with a later instruction of the pickle."""

    def __init__(self, code: Any, *_: object) -> None:
        if not _CODE.fullmatch(code):
            raise MalformedError(f"an array of the type {code[:20]!r}, expected plain numbers")
        self.dtype = np.dtype(code)

    def set_state(self, state: Any) -> None:
        """Take the byte order from the state ``(version, order, ...)``."""
        self.dtype = self.dtype.newbyteorder(state[1])


class PendingArray:
    """An array whose shape, type and content come with a later instruction of the pickle."""

    def __init__(self) -> None:
        self.memo_keys: list[int] = []  # what to replace by the array


def array_of(state: Any) -> Any:
    """Return the array of the state ``(version, shape, dtype, fortran, content)``.

    An array of objects becomes lists in lists, one without dimensions its element.
    """
    _, shape, dtype, fortran, content = state
    shape = _checked(shape)
    if not isinstance(dtype, DType) or dtype.dtype.kind != "O":
        return from_bytes(content, dtype, shape, "F" if fortran else "C")
    if not isinstance(content, list) or len(content) != math.prod(shape):
        raise MalformedError(f"an array of objects of shape {shape} without its elements")
    for length in reversed(shape[1:]):
        content = [content[at : at + length] for at in range(0, len(content), length or 1)]
    return content if shape else content[0]


def from_bytes(content: Any, dtype: Any, shape: Any, order: Any = "C") -> np.ndarray:
    """Return the array of numbers or text that the bytes hold."""
    if not isinstance(dtype, DType) or dtype.dtype.kind == "O":
        raise MalformedError("an array of Python objects in a buffer")
    kind, shape, raw = dtype.dtype, _checked(shape), as_bytes(content)
    if len(raw) != math.prod(shape) * kind.itemsize:
        raise MalformedError(f"an array of shape {shape} ({kind}) with {len(raw)} bytes of content")
    array = np.frombuffer(raw, kind).reshape(shape, order=order)
    if kind.kind == "S":
        # A byte of latin1 is the number of its letter; np.char.decode calls Python for each text.
        letters = np.ascontiguousarray(array).view(np.uint8).astype(np.uint32)
        return letters.view(f"U{kind.itemsize}").reshape(array.shape)
    return array.astype(kind.newbyteorder("="), copy=False)


def _checked(shape: Any) -> tuple[int, ...]:
    if isinstance(shape, int):
        shape = (shape,)
    if not isinstance(shape, tuple) or len(shape) > 8:  # the product of many would have no end
        raise MalformedError("an array without a shape")
    if not all(type(length) is int and 0 <= length < 1 << 40 for length in shape):
        raise MalformedError("an array with a shape that is not of whole numbers")
    return shape


def as_bytes(value: Any) -> bytes:
    """Return bytes; text of a Python 2 pickle holds one byte a letter."""
    if isinstance(value, (str, bytes)):
        return value.encode("latin1") if isinstance(value, str) else value
    raise MalformedError(f"{type(value).__name__} where bytes belong")
