"""Check what was read from a file against the types that it must have."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.limits import Limit


def conform(value: Any, hint: Any, where: str) -> Any:
    """Return a value that has a type.

    Parameters
    ----------
    value
        Made of what JSON knows.
    hint
        ``str``, ``bool``, ``int``, ``float`` (finite; an int will do), a literal, ``X | None``,
        ``list[X]``, ``dict[K, V]``, a TypedDict (of which a value may have more fields), or any of
        these annotated with a `Limit`.
    where : str
        File and field, for the message.

    Raises
    ------
    InputError
        If it has another type or is beyond a limit.

    Examples
    --------
    >>> conform({"seeds": [0, "1"]}, dict[str, list[int]], "train.json")
    Traceback (most recent call last):
    ariigcn_dgl.errors.InputError: train.json: damaged: seeds.1: expected an integer, found '1'
    """
    _check(value, hint, where, ())
    return value


def _check(value: Any, hint: Any, where: str, path: tuple[object, ...]) -> None:
    kind, parts = get_origin(hint) or hint, get_args(hint)
    if kind is Annotated:
        _check_limits(value, hint, where, path)
    elif kind in (Union, UnionType):
        _check_union(value, parts, where, path)
    elif kind is Literal:
        _expect(value in parts if isinstance(value, str) else False, value, parts, where, path)
    elif is_typeddict(kind):
        _check_fields(value, kind, where, path)
    elif kind is list:
        _expect(isinstance(value, list), value, "a list", where, path)
        for place, one in enumerate(value):
            _check(one, parts[0], where, (*path, place))
    elif kind is dict:
        _expect(isinstance(value, dict), value, "an object", where, path)
        for name, one in value.items():
            _check(name, parts[0], where, path)
            _check(one, parts[1], where, (*path, name))
    else:
        holds, expected = _PLAIN[kind]
        _expect(holds(value), value, expected, where, path)


def _check_limits(value: Any, hint: Any, where: str, path: tuple[object, ...]) -> None:
    inner, *limits = get_args(hint)
    _check(value, inner, where, path)
    for limit in limits:
        if isinstance(limit, Limit):
            _expect(limit.holds(value), value, limit.expected, where, path)


def _check_union(value: Any, parts: Any, where: str, path: tuple[object, ...]) -> None:
    if value is None and NoneType in parts:
        return
    (other,) = (part for part in parts if part is not NoneType)  # no other unions are needed
    _check(value, other, where, path)


def _check_fields(value: Any, kind: Any, where: str, path: tuple[object, ...]) -> None:
    _expect(isinstance(value, dict), value, "an object", where, path)
    for name, hint in get_type_hints(kind, include_extras=True).items():
        if name in value:
            _check(value[name], hint, where, (*path, name))
        elif name in kind.__required_keys__:
            raise InputError(f"{where}: damaged: lacks '{'.'.join(map(str, (*path, name)))}'")


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_finite(value: Any) -> bool:
    try:
        return (_is_int(value) or isinstance(value, float)) and math.isfinite(value)
    except OverflowError:  # an int beyond all floats
        return False


_PLAIN: Mapping[Any, Any] = {
    str: (lambda value: isinstance(value, str), "text"),
    bool: (lambda value: isinstance(value, bool), "true or false"),
    int: (_is_int, "an integer"),
    float: (_is_finite, "a finite number"),
}


def _expect(
    holds: bool, value: Any, expected: object, where: str, path: tuple[object, ...]
) -> None:
    if not holds:
        found = f"{value!r:.40}" if not isinstance(value, (dict, list)) else type(value).__name__
        field = ".".join(map(str, path))
        expected = f"one of {', '.join(expected)}" if isinstance(expected, tuple) else expected
        raise InputError(
            f"{where}: damaged: {field + ': ' if field else ''}expected {expected}, found {found}"
        )
