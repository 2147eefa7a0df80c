"""Chats that Zoom saves as text, old (all in a line) and new (the words below, behind a tab)."""

from __future__ import annotations

import re
from typing import NamedTuple

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.notes import Note
from ariigcn_dgl.transcripts.blocks import speakers_of
from ariigcn_dgl.transcripts.cue import Cue
from ariigcn_dgl.transcripts.source import Source

_HEAD = re.compile(
    r"((?:\d{4}-\d{2}-\d{2}\s+)?\d{1,2}:\d{2}:\d{2})\s+From\s+([^:\n]{1,80}?)"
    r"(?:\s+to\s+([^:\n]{1,80}?))?\s*:(?:\s+(.*)|$)"
)
_DIRECT = re.compile(r".*\((?:Direct Message|Privately|Private)\)", re.IGNORECASE)
_FIRST = 5  # lines with text, one of which is a head


class _Message(NamedTuple):
    when: str
    name: str
    to: str
    words: list[str]


def is_zoom_chat(source: Source) -> bool:
    """Whether one of a file's first lines is ``10:01:23 From Ann to Everyone : ...``."""
    first = [line for line in source.lines[:50] if line.strip()][:_FIRST]
    return any(_HEAD.fullmatch(line.strip()) for line in first)


def read_zoom_chat(source: Source, note: Note) -> list[Cue]:
    """Return the messages; lines without a time go on with the one before.

    ``when`` is the time of day, as the file writes it: none within a recording.

    Raises
    ------
    InputError
        If nobody says anything.
    """
    messages = _messages(source, note)
    spoken = [(one, words) for one in messages if (words := " ".join(" ".join(one.words).split()))]
    if not spoken:
        raise InputError(f"{source.path}: a Zoom chat in which nobody says anything")
    cues = [Cue(one.name, words, when=one.when) for one, words in spoken]
    note(f"{source.path}: a Zoom chat of {len(cues)} messages, {speakers_of(cues)}")
    if len(spoken) < len(messages):
        note(f"{source.path}: {len(messages) - len(spoken)} messages without words are left out")
    if direct := [one for one, _ in spoken if _DIRECT.fullmatch(one.to)]:
        note(
            f"{source.path}: {len(direct)} are direct messages, the first by {direct[0].name!r}: "
            "read with the others"
        )
    return cues


def _messages(source: Source, note: Note) -> list[_Message]:
    messages: list[_Message] = []
    before = 0
    for line in map(str.strip, source.lines):
        if head := _HEAD.fullmatch(line):
            when, name, to, words = (" ".join((part or "").split()) for part in head.groups())
            messages.append(_Message(when, name, to, [words]))
        elif messages:
            messages[-1].words.append(line)
        else:
            before += bool(line)
    if before:
        note(f"{source.path}: line 1: {before} lines before the first message are left out")
    return messages
