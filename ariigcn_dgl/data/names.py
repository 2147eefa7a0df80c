"""Millions of ids: as bytes side by side, where Python's strings would take five times as much."""

from __future__ import annotations

import codecs
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
        for some in some_at_once(names):
            encoded = [name.encode(*_CODEC) for name in some]
            letters += b"".join(encoded)
            lengths.append(np.fromiter(map(len, encoded), np.int64, len(encoded)))
        self._letters = memoryview(bytes(letters))
        self._ends = np.cumsum(np.concatenate([np.zeros(1, np.int64), *lengths]))

    @classmethod
    def of(cls, letters: np.ndarray, ends: np.ndarray) -> Names:
        """Return the names that `arrays` has described.

        Raises
        ------
        ValueError
            If these are the arrays of no names.
        """
        text = letters.dtype == np.uint8 and letters.ndim == 1
        if not text or ends.dtype != np.int64 or ends.ndim != 1 or not len(ends):
            raise ValueError("expected letters of one byte and int64 ends")
        if ends[0] != 0 or ends[-1] != len(letters) or (np.diff(ends) < 0).any():
            raise ValueError(f"ends do not divide the {len(letters)} letters")
        found = cls(())
        found._letters, found._ends = memoryview(letters.data), ends
        _check_letters(letters, ends)
        return found

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Return all letters, UTF-8, (L,) uint8, and where names begin and end, (N + 1,) int64."""
        return np.frombuffer(self._letters, np.uint8), self._ends

    def select(self, rows: np.ndarray) -> Names:
        """Return the names of some rows, (K,) int.

        Examples
        --------
        >>> list(Names(["a", "bc", "", "d"]).select(np.array([3, 1, 2])))
        ['d', 'bc', '']
        """
        firsts, lengths = self._ends[rows], self._ends[rows + 1] - self._ends[rows]
        letters, chosen = np.frombuffer(self._letters, np.uint8), bytearray()
        for start in range(0, len(rows), _AT_ONCE):  # a number for each letter is eight times it
            some = slice(start, start + _AT_ONCE)
            chosen += letters[spans(firsts[some], lengths[some])].data
        found = type(self)(())
        found._ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        found._letters = memoryview(bytes(chosen))
        return found

    @classmethod
    def joined(cls, parts: Iterable[Names]) -> Names:
        """Return the names of all parts.

        Examples
        --------
        >>> list(Names.joined([Names(["a", "b"]), Names([]), Names(["c"])]))
        ['a', 'b', 'c']
        """
        letters, ends = bytearray(), [np.zeros(1, np.int64)]
        for part in parts:
            ends.append(part._ends[1:] + len(letters))
            letters += part._letters
        found = cls(())
        found._letters, found._ends = memoryview(bytes(letters)), np.concatenate(ends)
        return found

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
        return str(self._letters[self._ends[place] : self._ends[place + 1]], *_CODEC)

    def __iter__(self) -> Iterator[str]:
        for some in self.some_at_once():
            yield from some

    def some_at_once(self) -> Iterator[list[str]]:
        """Yield the names, many at a time."""
        for start in range(0, len(self), _AT_ONCE):
            ends = self._ends[start : start + _AT_ONCE + 1]
            letters = bytes(self._letters[ends[0] : ends[-1]])
            places = pairwise((ends - ends[0]).tolist())
            if letters.isascii():  # then letters are bytes, and cut faster
                text = letters.decode("ascii")
                yield [text[first:last] for first, last in places]
            else:
                yield [letters[first:last].decode(*_CODEC) for first, last in places]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str) or len(self) != len(other):
            return False
        return all(ours == theirs for ours, theirs in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"<{len(self)} names, {self[0]!r} the first>" if len(self) else "<no names>"


_AT_ONCE = 1 << 14
_CHUNK = 1 << 24  # letters that are looked at together


def _check_letters(letters: np.ndarray, ends: np.ndarray) -> None:
    """Raise `ValueError` unless every name is UTF-8 of its own."""
    decoder = codecs.getincrementaldecoder(_CODEC[0])(_CODEC[1])
    for start in range(0, len(letters), _CHUNK):
        decoder.decode(letters[start : start + _CHUNK].data)
    decoder.decode(b"", final=True)
    inside = ends[ends < len(letters)]
    if ((letters[inside] & 0xC0) == 0x80).any():  # in the middle of a letter of several bytes
        raise ValueError("a name ends within a letter")


def spans(firsts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return the numbers of spans, one after another, each from its first on.

    Examples
    --------
    >>> spans(np.array([7, 0, 3]), np.array([2, 0, 3])).tolist()
    [7, 8, 3, 4, 5]
    """
    before = np.cumsum(lengths) - lengths
    return np.repeat(firsts - before, lengths) + np.arange(lengths.sum())


def some_at_once(names: Iterable[str]) -> Iterator[list[str]]:
    """Yield names, many at a time, the last time perhaps none."""
    if isinstance(names, Names):
        yield from names.some_at_once()
        return
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


def chosen(names: Sequence[str], rows: np.ndarray) -> Sequence[str]:
    """Return the names of some rows, (K,) int, as of `names_of`."""
    if isinstance(names, Names) and len(rows) >= MANY:
        return names.select(rows)
    return names_of((names[n] for n in rows), len(rows))


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
