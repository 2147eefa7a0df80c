"""Read subtitles, SubRip (.srt), WebVTT (.vtt) or SBV (.sbv): who says what, from when to when."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.notes import Note
from ariigcn_dgl.transcripts.blocks import Block, cues_of
from ariigcn_dgl.transcripts.cue import Cue
from ariigcn_dgl.transcripts.rolling import Shown, read_once
from ariigcn_dgl.transcripts.source import Source
from ariigcn_dgl.transcripts.speakers import names_of, parts_of
from ariigcn_dgl.transcripts.times import in_order, parse_time

SUFFIXES = (".srt", ".vtt", ".sbv")
_TIME = r"((?:\d+:)?\d{1,2}:\d{1,2}(?:[,.]\d{1,3})?)"
_TIMES = re.compile(rf"^\s*{_TIME}\s*-->\s*{_TIME}(\s.*)?$")
# What typing, word processors and web pages make of the arrow; between two times alone.
_OTHERS = r"(-{1,3} ?>|[–—]{1,2} ?>|-{1,2}&gt;|=>|[→⟶⇒➔➝➞])"
_OTHER_TIMES = re.compile(rf"^\s*{_TIME}\s*{_OTHERS}\s*{_TIME}(\s.*)?$")
# Of SBV, alone in their line; milliseconds set them apart from times that are said.
_SBV_TIME = r"(\d{1,2}:\d{2}:\d{2}\.\d{3})"
_SBV_TIMES = re.compile(rf"^\s*{_SBV_TIME}(,){_SBV_TIME}()\s*$")
# A line of times, well formed or not; texts may hold arrows, too.
_ARROW = re.compile(
    rf"\s*(?:-?[\d:,.]*\d:\d[\d:,.]*\s*-->|(?=\S*\d:)\S{{1,20}}\s*-->\s*{_TIME}(?:\s|$))"
)
_LONGEST_TIMES = 80  # letters up to the arrow
_LONGEST_LINE = 200  # of times with settings
_WEBEX = re.compile(r'\d+ "([^"]{1,80})" \(\d+\)')  # a cue's name, of who speaks in it
_COMMENT = re.compile(r"NOTE\b")
_ASIDE = re.compile(r"NOTE\b|STYLE\b|REGION\b")  # what begins a block that is no cue


def is_subtitles(source: Source) -> bool:
    """Whether a file is SubRip, WebVTT or SBV: it has a line of times, or says what it is."""
    if source.suffix in SUFFIXES or source.text.startswith("WEBVTT"):
        return True
    return any(_TIMES.match(line) or _other(line) for line in _short(source.lines))


def _short(lines: Iterable[str]) -> Iterator[str]:
    return (line[:_LONGEST_LINE] for line in lines)


def _other(line: str) -> re.Match[str] | None:
    """Return what a line of times with another arrow than -->, or SBV's comma, says."""
    found = _OTHER_TIMES.match(line) or _SBV_TIMES.match(line)
    return found if found and found[2] != "-->" else None


def read(source: Source, note: Note) -> list[Cue]:
    """Return the cues of a file in order of their start.

    A speaker is named by ``NAME: text`` (one to three capitalised words at the beginning of a
    line, or any that stand there several times or in all cues), ``[SPEAKER_00] text`` or WebVTT's
    ``<v NAME>``; a cue without a name goes on with the speaker before it. A cue with several
    names, or with dashes before its lines, becomes several, of the same times. Markup and cues
    without text are left out.

    Raises
    ------
    InputError
        If a time is malformed or a cue ends before it starts, or there is no cue with text.
    """
    path = source.path
    shown = read_once(path, list(_shown(path, source.text, note)), note)
    known = names_of(one.lines for one in shown)
    blocks = [Block(start, end, parts_of(lines, known)) for start, end, lines in shown]
    return cues_of(path, blocks, note, "SubRip, WebVTT or SBV")


def _shown(path: Path, text: str, note: Note) -> Iterator[Shown]:
    """Yield start, end and the lines of each cue."""
    lines = text.split("\n")
    others = {n: found[2] for n, line in enumerate(_short(lines)) if (found := _other(line))}
    if arrows := [n for n, sign in others.items() if sign != ","]:
        first = arrows[0]
        note(
            f"{path}: {len(arrows)} lines of times have {others[first]!r} or the like for an "
            f"arrow, the first is line {first + 1}: read as -->"
        )
    at = [n for n, x in enumerate(lines) if n in others or _ARROW.match(x, 0, _LONGEST_TIMES)]
    named = text.lstrip().startswith("WEBVTT")
    numbered = _numbering(lines, at)
    before = [line for line in lines[: at[0] if at else 0] if line.strip()]
    if not named and before[:-1]:
        note(f"{path}: line 1: {len(before) - 1} lines before the first subtitle are left out")
    if named and (comments := _comments(lines)):
        note(
            f"{path}: {len(comments)} comments (NOTE) are left out, the first is line "
            f"{comments[0] + 1}"
        )
    for first, following in pairwise([*at, len(lines)]):
        start, end = _times(f"{path}: line {first + 1}", lines[first])
        last = _end_of_text(lines, first + 1, following, named, numbered)
        groups = _groups(lines, first + 1, last, named)
        for number, _ in groups[1:]:
            note(f"{path}: line {number + 1}: taken as text of the subtitle before the empty line")
        texts = [line for _, group in groups for line in group]
        yield Shown(start, end, _with_voice(lines[first - 1] if first else "", texts))


def _comments(lines: list[str]) -> list[int]:
    """Return the places of lines that begin comments of WebVTT, below an empty line."""
    pairs = enumerate(pairwise(lines), 1)
    return [n for n, (above, line) in pairs if _COMMENT.match(line) and not above.strip()]


def _with_voice(above: str, lines: list[str]) -> list[str]:
    """Return a cue's lines, said by whom Webex names above its times."""
    found = _WEBEX.fullmatch(above.strip())
    if not found or not lines:
        return lines
    return [f"<v {html.escape(found[1], quote=False)}>{lines[0]}", *lines[1:]]


def _numbering(lines: list[str], at: list[int]) -> int | None:
    """Return how many empty lines lie between a cue's number and its times; None without numbers.

    Cues have numbers where the first has one, and most.
    """
    numbers = [_digits_above(lines, times) for times in at]
    without = numbers.count(None)
    if not numbers or numbers[0] is None or without * 2 >= len(numbers):
        return None
    return at[0] - numbers[0] - 1


def _digits_above(lines: list[str], times: int) -> int | None:
    """Return the place of the line above a line of times, but for empty ones, if it is a number."""
    place = times - 1
    while place >= 0 and not lines[place].strip():
        place -= 1
    return place if place >= 0 and lines[place].strip().isdigit() else None


def _end_of_text(
    lines: list[str], first: int, following: int, named: bool, numbered: int | None
) -> int:
    """Return where the text of a cue ends: before the number or name of the following one."""
    last = following
    while last > first and not lines[last - 1].strip():
        last -= 1
    if following == len(lines) or last == first:
        return last
    directly = last == following
    alone = last - 2 < first or not lines[last - 2].strip()
    is_number = lines[last - 1].strip().isdigit() and (
        (directly and alone and last - 1 > first) or numbered == following - last
    )
    return last - 1 if is_number or (named and directly and alone) else last


def _groups(lines: list[str], first: int, last: int, named: bool) -> list[tuple[int, list[str]]]:
    """Return the blocks of lines between empty ones, each with its place.

    Comments of WebVTT are left out.
    """
    groups: list[tuple[int, list[str]]] = []
    for number in range(first, last):
        if not lines[number].strip():
            continue
        if not groups or not lines[number - 1].strip():
            groups.append((number, []))
        groups[-1][1].append(lines[number])
    # What stands directly below the times is said, whatever it begins with.
    return [
        (number, group)
        for number, group in groups
        if number == first or not (named and _ASIDE.match(group[0]))
    ]


def _times(where: str, line: str) -> tuple[float, float]:
    found = _TIMES.match(line)
    other = None if found else _other(line[:_LONGEST_LINE])
    times = found.groups()[:2] if found else (other[1], other[3]) if other else ()
    try:
        start, end = map(parse_time, times)
    except ValueError as error:
        raise InputError(
            f"{where}: {line.strip()[:60]!r} is malformed, expected 00:00:01,000 --> 00:00:02,500"
        ) from error
    return in_order(f"{where}:", start, end)
