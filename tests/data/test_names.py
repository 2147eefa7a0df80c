"""Millions of names read like a tuple."""

from __future__ import annotations

import pytest

from ariigcn_dgl.data import names
from ariigcn_dgl.data.names import Names, names_of, repeated

SOME = ("a", "", "Zoë", "\ud800", "悲しい", "a")


def test_names_are_those_of_the_tuple() -> None:
    found = Names(iter(SOME))
    assert tuple(found) == SOME
    assert [found[n] for n in range(-6, 6)] == [*SOME, *SOME]
    assert found[1:3] == SOME[1:3]
    assert (found.index("Zoë"), found.count("a"), "b" in found) == (2, 2, False)


def test_there_is_no_name_behind_the_last() -> None:
    with pytest.raises(IndexError):
        Names(SOME)[6]


def test_names_equal_a_tuple_of_the_same() -> None:
    assert Names(SOME) == SOME
    assert hash(Names(SOME)) == hash(SOME)
    assert Names(SOME) != SOME[:5]
    assert Names([]) == ()


def test_more_than_are_joined_at_once() -> None:
    many = [str(n) for n in range(names._AT_ONCE + 3)]
    assert list(Names(many)) == many


def test_few_are_a_tuple(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(names_of(SOME, 6), tuple)
    monkeypatch.setattr(names, "MANY", 6)
    assert isinstance(names_of(SOME, 6), Names)


@pytest.mark.parametrize("many", [0, 100])
def test_a_name_that_is_there_twice_is_found(monkeypatch: pytest.MonkeyPatch, many: int) -> None:
    monkeypatch.setattr(names, "MANY", many)
    assert repeated(SOME)
    assert not repeated(SOME[:5])
