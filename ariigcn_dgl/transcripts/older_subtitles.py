"""MicroDVD, MPL2, TMPlayer and SAMI subtitles, by pysubs2."""

from __future__ import annotations

import re

import pysubs2

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.notes import Note
from ariigcn_dgl.transcripts.blocks import Block, cues_of
from ariigcn_dgl.transcripts.cue import Cue
from ariigcn_dgl.transcripts.source import Source
from ariigcn_dgl.transcripts.speakers import names_of, parts_of

_LINES = {
    "microdvd": re.compile(r"\s*\{\d+\}\{\d+\}"),
    "mpl2": re.compile(r"\s*\[\d+\]\[\d+\]"),
    "tmp": re.compile(r"\s*\d{1,2}:\d{2}:\d{2}[:=,]\s*\S"),
}
_LONGEST = 10_000  # letters of a line
_TITLES = {"microdvd": "MicroDVD", "mpl2": "MPL2", "tmp": "TMPlayer", "sami": "SAMI"}


def is_older(source: Source) -> bool:
    """Whether a file is of one of these kinds."""
    return _kind(source) is not None


def _kind(source: Source) -> str | None:
    if source.text[:200].lstrip().lower().startswith("<sami"):
        return "sami"
    said = [line for line in source.lines if line.strip()]
    for kind, line in _LINES.items():
        if said and sum(bool(line.match(one)) for one in said) * 2 > len(said):
            return kind
    return None


def read_older(source: Source, note: Note) -> list[Cue]:
    """Return the cues; lines that are of no subtitle are named.

    Raises
    ------
    InputError
        If the file does not say how many frames a second has, or nothing is said in it.
    """
    kind = _kind(source) or ""
    if max(map(len, source.lines)) > _LONGEST:
        raise InputError(f"{source.path}: a line is longer than {_LONGEST:,} letters: no subtitles")
    _tell_lost(source, kind, note)
    try:
        found = pysubs2.SSAFile.from_string(source.text, kind)
    except pysubs2.exceptions.UnknownFPSError as error:
        raise InputError(
            f"{source.path}: counts frames but does not say how many are in a second: put "
            "{1}{1}25 (or what the film has) into its first line"
        ) from error
    except (ValueError, KeyError, OverflowError, ZeroDivisionError) as error:
        raise InputError(
            f"{source.path}: malformed {_TITLES[kind]} subtitles: {' '.join(str(error).split())}"
        ) from error
    known = names_of(event.plaintext.split("\n") for event in found)
    blocks = [
        Block(event.start / 1000, event.end / 1000, parts_of(event.plaintext.split("\n"), known))
        for event in found
        if 0 <= event.start <= event.end
    ]
    if len(blocks) < len(found):
        note(f"{source.path}: {len(found) - len(blocks)} subtitles end before they start: left out")
    return cues_of(source.path, blocks, note, f"{_TITLES[kind]} subtitles")


def _tell_lost(source: Source, kind: str, note: Note) -> None:
    if kind not in _LINES:
        return
    for number, line in enumerate(source.lines, 1):
        if line.strip() and not _LINES[kind].match(line):
            note(f"{source.path}: line {number}: {line.strip()[:40]!r} has no time: left out")
