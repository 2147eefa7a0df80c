"""Channels that DiscordChatExporter writes as text: who writes stands above the words."""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.notes import Note
from ariigcn_dgl.transcripts.blocks import speakers_of
from ariigcn_dgl.transcripts.cue import Cue
from ariigcn_dgl.transcripts.source import Source

_TITLE = re.compile(r"={20,}\nGuild: .*\nChannel: ")
_HEAD = re.compile(r"\[([^\[\]]*\d[^\[\]]*:\d\d[^\[\]]*)\] (.{1,100}?)(?: \(pinned\))?")
_BESIDE = re.compile(r"\{[A-Z][A-Za-z ]{2,30}\}")  # {Attachments}, {Embed}, {Reactions}
_RULE = re.compile(r"={20,}")


class _Message(NamedTuple):
    when: str
    name: str
    words: list[str]


def is_discord_text(source: Source) -> bool:
    """Whether a file begins with the title that DiscordChatExporter writes."""
    return bool(_TITLE.match(source.text.lstrip()))


def read_discord_text(source: Source, note: Note) -> list[Cue]:
    """Return the messages that say something; attachments and reactions are counted.

    Raises
    ------
    InputError
        If nobody says anything.
    """
    messages, beside = _messages(source)
    cues = [
        Cue(one.name, words, when=one.when)
        for one in messages
        if (words := " ".join(" ".join(one.words).split()))
    ]
    if not cues:
        raise InputError(f"{source.path}: a Discord channel in which nobody says anything")
    note(f"{source.path}: a Discord channel of {len(cues)} messages, {speakers_of(cues)}")
    if len(cues) < len(messages):
        note(f"{source.path}: {len(messages) - len(cues)} messages without words are left out")
    if beside:
        kinds = ", ".join(f"{count} {kind}" for kind, count in beside.most_common())
        note(f"{source.path}: what stands below messages is left out: {kinds}")
    return cues


def _messages(source: Source) -> tuple[list[_Message], Counter[str]]:
    """Return the messages, and how many of each kind stand below them."""
    messages: list[_Message] = []
    beside: Counter[str] = Counter()
    above, said = "", True
    for line in map(str.strip, source.lines):
        head = None if above else _HEAD.fullmatch(line)
        if head:
            messages.append(_Message(head[1], " ".join(head[2].split()), []))
            said = True
        elif _BESIDE.fullmatch(line) and not above:
            beside[line] += 1
            said = False
        elif _RULE.fullmatch(line):  # the title, or below the last message how many there are
            said = False
        elif messages and said:
            messages[-1].words.append(line)
        above = line
    return messages, beside
