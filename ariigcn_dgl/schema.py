"""Check what was read from a file against the types that it must have."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
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
        ``str``, ``bool``, ``int``, ``float`` (finite; an int will do), ``Any``, a literal,
        ``X | None``, ``list[X]``, ``dict[K, V]``, a TypedDict (of which a value may have more
        fields), or any of these annotated with a `Limit`.
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
    wrong = next(_wrong(value, hint, ()), None)
    if wrong:
        raise InputError(f"{where}: damaged: {wrong}")
    return value


def _wrong(value: Any, hint: Any, path: tuple[object, ...]) -> Iterator[str]:
    """Yield what is wrong with a value: the first answer only is to be asked for."""
    kind, parts = get_origin(hint) or hint, get_args(hint)
    if kind is Annotated:
        yield from _wrong(value, parts[0], path)
        for limit in parts[1:]:
            if isinstance(limit, Limit) and not limit.holds(value):
                yield _sentence(value, limit.expected, path)
    elif kind in (Union, UnionType):
        (other,) = (part for part in parts if part is not NoneType)  # no other unions are needed
        if value is not None:
            yield from _wrong(value, other, path)
    elif kind is Literal:
        if value not in parts:
            yield _sentence(value, f"one of {', '.join(parts)}", path)
    elif is_typeddict(kind):
        yield from _wrong(value, dict, path)
        for name, part in get_type_hints(kind, include_extras=True).items():
            if name in value:
                yield from _wrong(value[name], part, (*path, name))
            elif name in kind.__required_keys__:
                yield f"lacks '{'.'.join(map(str, (*path, name)))}'"
    else:
        holds, expected = _PLAIN[kind]
        if not holds(value):
            yield _sentence(value, expected, path)
        if kind is list:
            for place, one in enumerate(value):
                yield from _wrong(one, parts[0], (*path, place))
        elif kind is dict and parts:
            for name, one in value.items():
                yield from _wrong(name, parts[0], path)
                yield from _wrong(one, parts[1], (*path, name))


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)  # True is an int to Python


def _is_finite(value: Any) -> bool:
    try:
        return (_is_int(value) or isinstance(value, float)) and math.isfinite(value)
    except OverflowError:  # an int beyond all floats
        return False


_PLAIN: Mapping[Any, tuple[Callable[[Any], bool], str]] = {
    str: (lambda value: isinstance(value, str), "text"),
    bool: (lambda value: isinstance(value, bool), "true or false"),
    int: (_is_int, "an integer"),
    float: (_is_finite, "a finite number"),
    list: (lambda value: isinstance(value, list), "a list"),
    dict: (lambda value: isinstance(value, dict), "an object"),
    Any: (lambda value: True, "anything"),
}


def _sentence(value: Any, expected: str, path: tuple[object, ...]) -> str:
    # Of what is large its kind says enough, of a long text its beginning.
    found = type(value).__name__ if isinstance(value, (dict, list)) else f"{value!r:.40}"
    field = "".join(f"{name}." for name in path)[:-1]
    return f"{field}: expected {expected}, found {found}".removeprefix(": ")
