"""Damage to bytes and to texts, decided by a random number generator."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache

from hypothesis import given, settings
from hypothesis.strategies import SearchStrategy

BYTES = (0, 1, 0x20, 0x7F, 0x80, 0xFF)
SIZES = (0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1, 2**64 - 1)  # of counts and offsets
# Spellings that parsers of numbers, quotes, lines and Unicode disagree about.
TOKENS = (
    *("", " ", "\n", "\r", "\r\n", "\t", "\0", "\u2028", "\u202e", "\ufeff", "\x1b[31m", "é", "٣"),
    *(
        '"',
        "'",
        ",",
        ";",
        ":",
        "{",
        "}",
        "[",
        "]",
        "[[[[",
        "<",
        "&amp;",
        "-->",
        "#",
        "\\",
        "\\ud800",
    ),
    *("0", "-1", "-0.0", "1e400", "1_0", "NaN", "nan", "inf", "Infinity", "9" * 25, "1" * 5000),
    *("null", "None", "true", "yes", "~", "2001-01-01", "../x", "/dev/zero", "a" * 3000),
)


def damaged(rng: random.Random, content: bytes) -> bytes:
    """Return bytes with one to four pieces changed, lost, added, repeated or cut off."""
    out = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4))):
        place = _place(rng, len(out))
        kind = rng.randrange(7)
        if kind == 0 and out:
            out[min(place, len(out) - 1)] ^= 1 << rng.randrange(8)
        elif kind == 1 and out:
            out[min(place, len(out) - 1)] = rng.choice(BYTES)
        elif kind == 2:
            out[place : place + rng.randrange(1, 200)] = b""
        elif kind == 3:
            out[place:place] = rng.randbytes(rng.randrange(1, 64))
        elif kind == 4:
            start = _place(rng, len(out))
            out[place:place] = out[start : start + rng.randrange(1, 400)]
        elif kind == 5:
            size = rng.choice((2, 4, 8))
            number = rng.choice(SIZES) % 256**size
            out[place : place + size] = number.to_bytes(size, rng.choice(("little", "big")))
        else:
            del out[place:]
    return bytes(out)


def _place(rng: random.Random, size: int) -> int:
    """Return a place, often near either end: there stand the headers."""
    near = min(size, 512)
    return rng.choice((rng.randint(0, size), rng.randint(0, near), size - rng.randint(0, near)))


def garbled(rng: random.Random, content: bytes) -> bytes:
    """Return a text in which words became `TOKENS`, or lines moved; or damaged bytes."""
    if rng.random() < 0.2:
        return damaged(rng, content)
    text = content.decode("utf-8", "replace")
    for _ in range(rng.choice((1, 1, 2, 4))):
        if rng.random() < 0.25:
            text = _moved_line(rng, text)
        else:
            start = rng.randint(0, len(text))
            text = text[:start] + rng.choice(TOKENS) + text[start + rng.choice((0, 0, 1, 3, 12)) :]
    return text.encode("utf-8", "surrogatepass")


def _moved_line(rng: random.Random, text: str) -> str:
    lines = text.split("\n")
    line = lines.pop(rng.randrange(len(lines)))
    for _ in range(rng.randrange(3)):
        lines.insert(rng.randint(0, len(lines)), line)
    return "\n".join(lines)


def drawn(rng: random.Random, strategy: SearchStrategy) -> object:
    """Return a value of a Hypothesis strategy that `rng` decides."""
    take, values = _taker(strategy)
    while not values:  # bytes that describe no value are rejected
        take.hypothesis.fuzz_one_input(rng.randbytes(512))
    return values.pop()


@cache
def _taker(strategy: SearchStrategy) -> tuple[Callable[..., None], list[object]]:
    values: list[object] = []

    @settings(database=None, deadline=None)
    @given(strategy)
    def take(value: object) -> None:
        values.append(value)

    return take, values
