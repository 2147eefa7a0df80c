"""Read subtitles, SubRip (.srt) or WebVTT (.vtt): who says what, from when to when."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.notes import Note
from ariigcn_dgl.files import read_text
from ariigcn_dgl.transcripts.cue import Cue
from ariigcn_dgl.transcripts.speakers import Part, parts_of

SUFFIXES = (".srt", ".vtt")
UNNAMED = "speaker"

OTHER = "speaker 2"  # of a second speaker who is known by a dash alone

_TIME = r"((?:\d+:)?\d{1,2}:\d{1,2}[,.]\d{1,3})"
_TIMES = re.compile(rf"^\s*{_TIME}\s*-->\s*{_TIME}(\s.*)?$")
# A line of times, well formed or not; texts may hold arrows, too.
_ARROW = re.compile(r"\s*-?[\d:,.]*\d:\d[\d:,.]*\s*-->")
_LONGEST_TIMES = 80  # letters up to the arrow
_ASIDE = re.compile(r"NOTE\b|STYLE\b|REGION\b")  # what begins a block that is no cue


def read_subtitles(path: Path, note: Note) -> list[Cue]:
    r"""Return the cues of a file in order of their start.

    A speaker is named by ``NAME: text`` (one to three capitalised words at the beginning of a
    line), ``[SPEAKER_00] text`` or WebVTT's ``<v NAME>``; a cue without a name goes on with the
    speaker before it. A cue with several names, or with dashes before its lines, becomes several,
    of the same times. Markup and cues without text are left out.

    Parameters
    ----------
    path : Path
    note : callable
        Called with a sentence about each thing that is unusual but could be used.

    Raises
    ------
    InputError
        If the file cannot be read, a time is malformed or a cue ends before it starts, or there is
        no cue with text.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "a.srt")
    ...     _ = path.write_text("1\n00:00:01,000 --> 00:00:02,500\nANN: Hello!\n")
    ...     read_subtitles(path, note=lambda sentence: None)
    [Cue(speaker='ANN', text='Hello!', start=1.0, end=2.5, when='')]
    """
    blocks = list(_blocks(path, read_text(path), note))
    spoken = [(start, end, parts) for start, end, parts in blocks if parts]
    if not spoken:
        raise InputError(f"{path}: holds no subtitle with text, expected SubRip or WebVTT")
    if len(spoken) < len(blocks):
        note(f"{path}: {len(blocks) - len(spoken)} subtitles without text are left out")
    starts = [start for start, _, _ in spoken]
    if starts != sorted(starts):
        note(f"{path}: subtitles are not in order of time; sorted by their start")
        spoken.sort(key=lambda block: block[0])
    cues = list(_with_speakers(spoken))
    _tell(path, spoken, cues, note)
    return cues


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
    found = re.fullmatch(r"(?:(\d+):)?([0-5]?\d):([0-5]?\d(?:\.\d+)?)", text.replace(",", "."))
    if not found:
        raise ValueError(f"not a time: {text}")
    hours, minutes, seconds = found.groups(default="0")
    return 3600 * int(hours) + 60 * int(minutes) + float(seconds)


def _blocks(path: Path, text: str, note: Note) -> Iterator[tuple[float, float, list[Part]]]:
    """Yield start, end and the parts of each cue."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    at = [n for n, line in enumerate(lines) if _ARROW.match(line, 0, _LONGEST_TIMES)]
    named = text.lstrip().startswith("WEBVTT")
    for first, following in pairwise([*at, len(lines)]):
        start, end = _times(f"{path}: line {first + 1}", lines[first])
        last = _end_of_text(lines, first + 1, following, named)
        groups = _groups(lines, first + 1, last)
        for number, _ in groups[1:]:
            note(f"{path}: line {number + 1}: taken as text of the subtitle before the empty line")
        yield start, end, parts_of([line for _, group in groups for line in group])


def _end_of_text(lines: list[str], first: int, following: int, named: bool) -> int:
    """Return where the text of a cue ends: before the number or name of the following one."""
    last = following
    while last > first and not lines[last - 1].strip():
        last -= 1
    if following == len(lines) or last == first:
        return last
    above = last - 2 < first or not lines[last - 2].strip()
    is_name = named and last == following and above
    return last - 1 if is_name or lines[last - 1].strip().isdigit() else last


def _groups(lines: list[str], first: int, last: int) -> list[tuple[int, list[str]]]:
    """Return the blocks of lines between empty ones, each with its place; comments left out."""
    groups: list[tuple[int, list[str]]] = []
    for number in range(first, last):
        if not lines[number].strip():
            continue
        if not groups or not lines[number - 1].strip():
            groups.append((number, []))
        groups[-1][1].append(lines[number])
    return [(number, group) for number, group in groups if not _ASIDE.match(group[0])]


def _times(where: str, line: str) -> tuple[float, float]:
    found = _TIMES.match(line)
    try:
        start, end = (parse_time(time) for time in (found.groups()[:2] if found else ()))
    except ValueError as error:
        raise InputError(
            f"{where}: {line.strip()[:60]!r} is malformed, expected 00:00:01,000 --> 00:00:02,500"
        ) from error
    if end < start:
        raise InputError(f"{where}: ends at {end:g} s, before it starts at {start:g} s")
    return start, end


def _with_speakers(blocks: list[tuple[float, float, list[Part]]]) -> Iterator[Cue]:
    speaker = UNNAMED
    for start, end, parts in blocks:
        for part in parts:
            speaker = part.speaker or speaker
            yield Cue(OTHER if part.is_other else speaker, part.text, start, end)


def _tell(
    path: Path, blocks: list[tuple[float, float, list[Part]]], cues: list[Cue], note: Note
) -> None:
    names = list(dict.fromkeys(cue.speaker for cue in cues))
    nameless = sum(not parts[0].speaker for _, _, parts in blocks)
    shared = sum(any(part.is_other for part in parts) for _, _, parts in blocks)
    if not any(part.speaker for _, _, parts in blocks for part in parts):
        note(f"{path}: names no speakers (NAME: text, or <v NAME>): taken as one speaker's words")
    else:
        note(f"{path}: speakers {', '.join(names)}")
        if nameless:
            note(
                f"{path}: {nameless} subtitles name no speaker: taken as the words of the one "
                "before"
            )
    if shared:
        note(f"{path}: {shared} subtitles hold two speakers by their dashes; called {OTHER!r}")
    _tell_overlaps(path, blocks, note)


def _tell_overlaps(path: Path, blocks: list[tuple[float, float, list[Part]]], note: Note) -> None:
    reached, overlapping = -1.0, 0
    for start, end, _ in blocks:
        overlapping += start < reached
        reached = max(reached, end)
    if overlapping:
        note(f"{path}: {overlapping} subtitles begin before the one before them ends")
