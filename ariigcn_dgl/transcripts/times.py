"""Times within a recording, as transcripts write them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ariigcn_dgl.errors import InputError

_CLOCK = re.compile(r"(?:(\d{1,9}):)?([0-5]?\d):([0-5]?\d(?:\.\d+)?)")
_LONGEST = 1e13  # seconds; milliseconds since 1970 are fewer


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
