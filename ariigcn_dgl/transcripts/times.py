"""Times within a recording, as transcripts write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from ariigcn_dgl.errors import InputError

_CLOCK = re.compile(r"(?:(\d{1,9}):)?([0-5]?\d):([0-5]?\d(?:\.\d+)?)")
_LONGEST = 1e13  # seconds; milliseconds since 1970 are fewer

_NUMBER = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,9})?")
_ISO = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2}(?:[.,]\d{1,9})?))?\s?"
    r"(?:(Z)|([+-]\d{2}):?(\d{2}))?)?",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1)


class Instant(NamedTuple):
    """A time that can be compared with others of its kind."""

    kind: str
    seconds: Decimal


def parse_instant(text: str) -> Instant | None:
    """Return when something was written, in digits or by ISO 8601; None of anything else.

    Examples
    --------
    >>> parse_instant("1970-01-01T00:01:02.5Z"), parse_instant("1.5")
    (Instant(kind='zoned', seconds=Decimal('62.5')), Instant(kind='number', seconds=Decimal('1.5')))
    >>> parse_instant("1/2/2024 10:00"), parse_instant("2024-13-01")
    (None, None)
    """
    if _NUMBER.fullmatch(text):
        return Instant("number", Decimal(text))
    found = _ISO.fullmatch(text)
    if not found:
        return None
    day, clock, seconds, universal, hours, minutes = found.groups()
    try:
        since = datetime.fromisoformat(f"{day}T{clock or '00:00'}") - _EPOCH
    except ValueError:
        return None
    ahead = 0
    if hours:
        ahead = 3600 * abs(int(hours)) + 60 * int(minutes)
        ahead = -ahead if hours.startswith("-") else ahead
    whole = since // timedelta(seconds=1) - ahead
    kind = "zoned" if universal or hours else "local"
    return Instant(kind, whole + Decimal((seconds or "0").replace(",", ".")))


def parse_time(text: str) -> float:
    """Return the seconds of ``[hours:]minutes:seconds,milliseconds``.

    Raises
    ------
    ValueError
        If it is no such time.

    Examples
    --------
    >>> parse_time("01:02:03,500"), parse_time("02:03.5")
    (3723.5, 123.5)
    """
    found = _CLOCK.fullmatch(text.replace(",", "."))
    if not found:
        raise ValueError(f"not a time: {text}")
    hours, minutes, seconds = found.groups(default="0")
    # Rounded: 60 + 13.067 is not 73.067.
    return round(3600 * int(hours) + 60 * int(minutes) + float(seconds), 6)


def parse_seconds(text: str) -> float:
    """Return the seconds of ``1.5``, ``1,5`` or ``[hours:]minutes:seconds,milliseconds``.

    Raises
    ------
    ValueError
        If it is neither, below zero, beyond any clock or not a number.

    Examples
    --------
    >>> parse_seconds("0,5"), parse_seconds("1:00.5")
    (0.5, 60.5)
    """
    # Spreadsheets of many languages write 0,5; times of subtitles have a comma, too.
    seconds = parse_time(text) if ":" in text else float(text.replace(",", "."))
    if not 0 <= seconds < _LONGEST:
        raise ValueError(f"not a time: {text}")
    return seconds


def in_order(what: str, start: float, end: float) -> tuple[float, float]:
    """Return the times of `what`.

    Raises
    ------
    InputError
        If it ends before it starts.

    Examples
    --------
    >>> in_order("a.srt: line 2:", 2, 1)
    Traceback (most recent call last):
    ariigcn_dgl.errors.InputError: a.srt: line 2: ends at 1 s, before it starts at 2 s
    """
    if end < start:
        raise InputError(f"{what} ends at {end:g} s, before it starts at {start:g} s")
    return start, end


def start_and_end(where: str, fields: Mapping[str, str]) -> tuple[float | None, float | None]:
    """Return the seconds of the fields ``start`` and ``end``; None of one that is empty or absent.

    Raises
    ------
    InputError
        If one is no time, or they are not in order; begins with `where`.
    """
    found = []
    for name in ("start", "end"):
        text = fields.get(name, "")
        try:
            found.append(parse_seconds(text) if text else None)
        except ValueError as error:
            raise InputError(
                f"{where}: {name} is {text[:40]!r}, expected seconds or 00:01:02,500"
            ) from error
    start, end = found
    if start is not None and end is not None:
        in_order(f"{where}:", start, end)
    return start, end
