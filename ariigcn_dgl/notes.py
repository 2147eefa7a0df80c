"""Sentences about input that is unusual but can be used."""

from __future__ import annotations

from collections.abc import Callable

Note = Callable[[str], None]


def unsaid(sentence: str) -> None:
    """Take a note that nobody reads."""
