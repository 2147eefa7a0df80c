"""Read subtitles, SubRip (.srt) or WebVTT (.vtt): who says what, from when to when."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.notes import Note
from ariigcn_dgl.files import read_text

SUFFIXES = (".srt", ".vtt")
UNNAMED = "speaker"

_TIME = r"((?:\d+:)?\d{1,2}:\d{1,2}[,.]\d{1,3})"
_TIMES = re.compile(rf"^\s*{_TIME}\s*-->\s*{_TIME}(\s.*)?$")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]+)>")
_TAG = re.compile(r"<[^>]*>|\{\\[^}]*\}")
# One to three words, a colon and a space; see `_named`.
_NAME = re.compile(r"[-–—]?\s*([^\W_][\w.'’-]*(?: [^\W_][\w.'’-]*){0,2}):\s+(\S.*)")


@dataclass(frozen=True)
class Cue:
    """What one speaker says in one stretch of time.

    Parameters
    ----------
    start, end : float
        Seconds from the beginning of the recording.
    speaker : str
    text : str
    """

    start: float
    end: float
    speaker: str
    text: str


def read_subtitles(path: Path, note: Note) -> list[Cue]:
    r"""Return the cues of a file in order of their start.

    A speaker is named by ``NAME: text`` (one to three capitalised words at the beginning of a line)
    or WebVTT's ``<v NAME>``; a cue without a name goes on with the speaker before it. A cue with
    several names becomes several, of the same times. Markup and cues without text are left out.

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
    [Cue(start=1.0, end=2.5, speaker='ANN', text='Hello!')]
    """
    blocks = list(_blocks(path, read_text(path)))
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


def _blocks(path: Path, text: str) -> Iterator[tuple[float, float, list[tuple[str, str]]]]:
    """Yield start, end and the parts (speaker or nothing, text) of each block."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    at = 0
    while at < len(lines):
        if "-->" not in lines[at] or lines[at].startswith("NOTE"):
            at += 1
            continue
        start, end = _times(f"{path}: line {at + 1}", lines[at])
        first = at = at + 1
        while at < len(lines) and lines[at].strip() and "-->" not in lines[at]:
            at += 1
        body = lines[first:at]
        if at < len(lines) and "-->" in lines[at] and body and body[-1].strip().isdigit():
            body.pop()  # the number of the next block, where no blank line separates them
        yield start, end, _parts(body)


def _times(where: str, line: str) -> tuple[float, float]:
    found = _TIMES.match(line)
    try:
        start, end = (parse_time(time) for time in found.groups()[:2])
    except (AttributeError, ValueError) as error:
        raise InputError(
            f"{where}: {line.strip()[:60]!r} is malformed, expected 00:00:01,000 --> 00:00:02,500"
        ) from error
    if end < start:
        raise InputError(f"{where}: ends at {end:g} s, before it starts at {start:g} s")
    return start, end


def _parts(lines: list[str]) -> list[tuple[str, str]]:
    parts: list[tuple[str, str]] = []
    for line in lines:
        pieces = _VOICE.split(line)  # text before the first voice, then name, text, name, text ...
        named = [("", pieces[0]), *zip(pieces[1::2], pieces[2::2], strict=True)]
        for speaker, raw in named:
            words = " ".join(html.unescape(_TAG.sub("", raw)).split())
            speaker, words = (speaker.strip(), words) if speaker else _named(words)
            if not words:
                continue
            if parts and not speaker:  # the same speaker's next line
                parts[-1] = (parts[-1][0], f"{parts[-1][1]} {words}")
            else:
                parts.append((speaker, words))
    return parts


def _named(words: str) -> tuple[str, str]:
    """Return the speaker, or nothing, and the rest of ``NAME: rest``."""
    found = _NAME.fullmatch(words)
    if not found or any(word[0].islower() for word in found[1].split()):
        return "", words
    return found[1], found[2]


def _with_speakers(blocks: list[tuple[float, float, list[tuple[str, str]]]]) -> Iterator[Cue]:
    speaker = UNNAMED
    for start, end, parts in blocks:
        for name, text in parts:
            speaker = name or speaker
            yield Cue(start, end, speaker, text)


def _tell(path: Path, blocks: list, cues: list[Cue], note: Note) -> None:
    names = list(dict.fromkeys(cue.speaker for cue in cues))
    named = [bool(parts[0][0]) for _, _, parts in blocks]
    if not any(name for _, _, parts in blocks for name, _ in parts):
        note(f"{path}: names no speakers (NAME: text, or <v NAME>): taken as one speaker's words")
    else:
        note(f"{path}: speakers {', '.join(names)}")
        if not all(named):
            note(
                f"{path}: {named.count(False)} subtitles name no speaker: taken as the words of "
                "the one before"
            )
    reached, overlapping = -1.0, 0
    for start, end, _ in blocks:
        overlapping += start < reached
        reached = max(reached, end)
    if overlapping:
        note(f"{path}: {overlapping} subtitles begin before the one before them ends")
