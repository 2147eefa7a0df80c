"""Whole numbers in names."""

from __future__ import annotations

_LONGEST = 18  # digits of any int64


def whole(text: str) -> int | None:
    """Return the number that a text of digits is; None of anything else, or longer.

    Examples
    --------
    >>> whole("12"), whole("1.2"), whole("9" * 5000)
    (12, None, None)
    """
    return int(text) if text.isdecimal() and len(text) <= _LONGEST else None
