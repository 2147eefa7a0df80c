"""Sentences about input that is unusual but can be used."""

from __future__ import annotations

from collections.abc import Callable

Note = Callable[[str], None]
