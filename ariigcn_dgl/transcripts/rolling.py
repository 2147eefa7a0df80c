"""Captions that roll: each shows the line before once more, above a new one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from ariigcn_dgl.notes import Note

_FEWEST = 3  # repeated lines that make captions rolling ones
_TIMED_WORDS = re.compile(r"<[\d:.]+>|</?c(?:\.[^>]*)?>")


class Shown(NamedTuple):
    """What a subtitle shows, from when to when; lines as the file writes them."""

    start: float
    end: float
    lines: list[str]


def read_once(path: Path, shown: Sequence[Shown], note: Note) -> list[Shown]:
    """Return subtitles without the lines that the one before them showed, where captions roll.

    They do where most of the two-line subtitles begin with the last line of the one before; as
    YouTube writes what it recognised. One that shows nothing new makes the one before it longer.
    """
    repeated = [_repeats(before.lines, one.lines) for before, one in _pairs(shown)]
    tall = [n for n, (_, one) in enumerate(_pairs(shown)) if len(_said(one.lines)) > 1]
    rolling = sum(repeated[n] > 0 for n in tall)
    if rolling < _FEWEST or 2 * rolling < len(tall):
        return list(shown)
    kept = list(shown[:1])
    for one, repeats in zip(shown[1:], repeated, strict=True):
        new = _said(one.lines)[repeats:]
        if new:
            kept.append(one._replace(lines=new))
        else:
            kept[-1] = kept[-1]._replace(end=max(kept[-1].end, one.end))
    note(
        f"{path}: captions roll: {sum(repeated)} lines show again what the subtitle before shows; "
        "each is read once"
    )
    return kept


def _pairs(shown: Sequence[Shown]) -> list[tuple[Shown, Shown]]:
    return list(pairwise(shown))


def _said(lines: Sequence[str]) -> list[str]:
    return [line for line in lines if line.strip()]


def _repeats(before: Sequence[str], lines: Sequence[str]) -> int:
    """Return how many first lines are the last lines of the subtitle before."""
    old, new = ([_plain(line) for line in _said(x)] for x in (before, lines))
    most = min(len(old), len(new))
    return next((n for n in range(most, 0, -1) if old[-n:] == new[:n]), 0)


def _plain(line: str) -> str:
    return " ".join(_TIMED_WORDS.sub("", line).split())
