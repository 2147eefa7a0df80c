"""The values that a setting may have, written beside its type.

One limit serves command lines, files (`ariigcn_dgl.schema`) and settings that Python code makes.
The restricted types of `jsonargparse.typing` are checked where they are parsed only, and let
infinity pass as a positive number.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from typing import Annotated, Any, get_args, get_type_hints

from ariigcn_dgl.errors import InputError


@dataclass(frozen=True)
class Limit:
    """What a setting must be; the annotation of a dataclass's field.

    Parameters
    ----------
    expected : str
        For the sentence "is ..., expected ...".
    holds : callable
        Whether a value is within the limit.

    Examples
    --------
    >>> Odd = Annotated[int, Limit("an odd number", lambda value: value % 2 == 1)]
    """

    expected: str
    holds: Callable[[Any], bool]


def _not_negative(value: float) -> bool:
    return 0 <= value < math.inf


_NOT_NEGATIVE = Limit("a number that is not negative", _not_negative)
PositiveInt = Annotated[int, Limit("at least 1", lambda value: value >= 1)]
EvenInt = Annotated[
    int, Limit("an even number of at least 2", lambda value: value >= 2 and value % 2 == 0)
]
NotNegativeInt = Annotated[int, _NOT_NEGATIVE]
PositiveFloat = Annotated[float, Limit("a positive number", lambda value: 0 < value < math.inf)]
NotNegativeFloat = Annotated[float, _NOT_NEGATIVE]
Fraction = Annotated[float, Limit("a number from 0 to below 1", lambda value: 0 <= value < 1)]
Share = Annotated[float, Limit("a number above 0, at most 1", lambda value: 0 < value <= 1)]
Sha256 = Annotated[str, Limit("64 hexadecimal digits", re.compile("[0-9a-f]{64}").fullmatch)]


def check_limits(settings: Any, name: str) -> None:
    """Raise where a field of a dataclass, or of a dataclass in it, is beyond its limit.

    Parameters
    ----------
    settings : dataclass
    name : str
        What comes before the field's name in the message, for example ``--model``.

    Raises
    ------
    InputError
        Names the field, its value and the limit.

    Examples
    --------
    >>> from ariigcn_dgl.config import TrainingConfig
    >>> check_limits(TrainingConfig(epochs=0), "--training")
    Traceback (most recent call last):
    ariigcn_dgl.errors.InputError: --training.epochs: is 0, expected at least 1
    """
    hints = get_type_hints(type(settings), include_extras=True)
    for field in fields(settings):
        value, option = getattr(settings, field.name), f"{name}.{field.name}"
        if is_dataclass(value):
            check_limits(value, option)
        if value is None and type(None) not in get_args(hints[field.name]):
            raise InputError(f"{option}: has no value")
        for limit in getattr(hints[field.name], "__metadata__", ()):
            if value is not None and not _holds(limit, value, option):
                raise InputError(f"{option}: is {value}, expected {limit.expected}")


def _holds(limit: Limit, value: Any, option: str) -> bool:
    try:
        return limit.holds(value)
    except InputError as error:  # one that knows more than what is expected, as a registry does
        raise InputError(f"{option}: {error}") from error
