"""What does not have its type is named with file, field and what was expected."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, TypedDict

import pytest

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.limits import PositiveInt
from ariigcn_dgl.schema import conform


class _May(TypedDict, total=False):
    colour: Literal["red", "blue"]


class Pear(_May):
    """What every pear has, and what it may have."""

    weight: Annotated[int, "grams"]
    pips: list[PositiveInt]


GOOD = {"weight": 3, "pips": [1, 2]}


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("a", str),
        (True, bool),
        (1, int),
        (1, float),
        (0.5, float),
        (None, str | None),
        ("a", str | None),
        ([], list[int]),
        ({"a": [1]}, dict[str, list[int]]),
        ("red", Literal["red", "blue"]),
        (GOOD, Pear),
        (GOOD | {"colour": "blue", "taste": object()}, Pear),
    ],
)
def test_value_of_its_type_is_returned(value: Any, hint: Any) -> None:
    assert conform(value, hint, "x.json") is value


@pytest.mark.parametrize(
    ("value", "hint", "words"),
    [
        (1, str, "expected text, found 1"),
        (None, str, "expected text, found None"),
        (1, bool, "expected true or false, found 1"),
        (True, int, "expected an integer, found True"),
        (1.0, int, "expected an integer, found 1.0"),
        (math.nan, float, "expected a finite number, found nan"),
        (10**400, float, "expected a finite number, found 1000"),
        ("a", list[str], "expected a list, found 'a'"),
        ([1, "2"], list[int], "1: expected an integer, found '2'"),
        ([], dict[str, int], "expected an object, found list"),
        ({"a": "b"}, dict[str, int], "a: expected an integer, found 'b'"),
        ({"a": 1}, dict[Literal["b"], int], "expected one of b, found 'a'"),
        ("green", Literal["red", "blue"], "expected one of red, blue, found 'green'"),
        ([], Literal["red", "blue"], "expected one of red, blue, found list"),
        (7, str | None, "expected text, found 7"),
        ([], Pear, "expected an object, found list"),
        ({"pips": []}, Pear, "lacks 'weight'"),
        (GOOD | {"pips": [1, 0]}, Pear, "pips.1: expected at least 1, found 0"),
        (GOOD | {"colour": None}, Pear, "colour: expected one of red, blue, found None"),
        ({"a": {"pips": []}}, dict[str, Pear], "lacks 'a.weight'"),
    ],
)
def test_other_value_is_named(value: Any, hint: Any, words: str) -> None:
    with pytest.raises(InputError) as caught:
        conform(value, hint, "x.json")
    assert str(caught.value).startswith(f"x.json: damaged: {words}")
