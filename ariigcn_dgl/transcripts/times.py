"""Times within a recording, as transcripts write them."""

from __future__ import annotations

import re

_CLOCK = re.compile(r"(?:(\d+):)?([0-5]?\d):([0-5]?\d(?:\.\d+)?)")


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
        If it is neither, or below zero, or not a number.

    Examples
    --------
    >>> parse_seconds("0,5"), parse_seconds("1:00.5")
    (0.5, 60.5)
    """
    # Spreadsheets of many languages write 0,5; times of subtitles have a comma, too.
    seconds = parse_time(text) if ":" in text else float(text.replace(",", "."))
    if not seconds >= 0:
        raise ValueError(f"not a time: {text}")
    return seconds
