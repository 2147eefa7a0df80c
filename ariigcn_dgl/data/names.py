"""Millions of ids: as bytes side by side, where Python's strings would take five times as much."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import overload

import numpy as np

MANY = 100_000  # names; fewer are a tuple
_CODEC = ("utf-8", "surrogatepass")  # `check` refuses half a letter, with a sentence


class Names(Sequence[str]):
    """Text of many utterances or dialogues; can be read like a tuple of str.

    Parameters
    ----------
    names : iterable of str

    Examples
    --------
    >>> names = Names(["d_0", "d_1", "Zoë"])
    >>> names[-1], len(names), "d_1" in names, names == ("d_0", "d_1", "Zoë")
    ('Zoë', 3, True, True)
    """

    def __init__(self, names: Iterable[str]) -> None:
        letters, lengths = bytearray(), list[np.ndarray]()
        for some in _some(names):
            encoded = [name.encode(*_CODEC) for name in some]
            letters += b"".join(encoded)
            lengths.append(np.fromiter(map(len, encoded), np.int64, len(encoded)))
        self._letters = bytes(letters)
        self._ends = np.cumsum(np.concatenate([np.zeros(1, np.int64), *lengths]))

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, which: int) -> str: ...
    @overload
    def __getitem__(self, which: slice) -> Sequence[str]: ...
    def __getitem__(self, which: int | slice) -> str | Sequence[str]:
        if isinstance(which, slice):
            return Names(self[n] for n in range(len(self))[which])
        place = range(len(self))[which]
        return self._letters[self._ends[place] : self._ends[place + 1]].decode(*_CODEC)

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), _AT_ONCE):
            ends = self._ends[start : start + _AT_ONCE + 1].tolist()
            for first, last in pairwise(ends):
                yield self._letters[first:last].decode(*_CODEC)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str) or len(self) != len(other):
            return False
        return all(ours == theirs for ours, theirs in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"<{len(self)} names, {self[0]!r} the first>" if len(self) else "<no names>"


_AT_ONCE = 1 << 14


def _some(names: Iterable[str]) -> Iterator[list[str]]:
    some = list[str]()
    for name in names:
        some.append(name)
        if len(some) == _AT_ONCE:
            yield some
            some = []
    yield some


def names_of(names: Iterable[str], count: int) -> Sequence[str]:
    """Return text that can be read again and again: a tuple, or `Names` of many.

    Parameters
    ----------
    names : iterable of str
    count : int
        How many.
    """
    return Names(names) if count >= MANY else tuple(names)


def chosen(names: Sequence[str], rows: Iterable[int], count: int) -> Sequence[str]:
    """Return the names of some rows, as of `names_of`."""
    return names_of((names[n] for n in rows), count)


def repeated(names: Sequence[str]) -> bool:
    """Whether a name occurs twice; found without a table of all of them.

    Examples
    --------
    >>> repeated(["a", "b"]), repeated(["a", "b", "a"])
    (False, True)
    """
    if len(names) < MANY:
        return len(set(names)) < len(names)
    # Different names may have one hash: only those are looked at.
    hashes = np.fromiter(map(hash, names), np.int64, len(names))
    ordered = np.sort(hashes)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    places = np.flatnonzero(np.isin(hashes, twice)).tolist() if twice.size else []
    alike = [names[n] for n in places]
    return len(set(alike)) < len(alike)
