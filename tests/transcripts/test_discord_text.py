"""Channels that DiscordChatExporter writes as text."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.transcripts.cue import Cue

Read = Callable[..., tuple[list, list[str]]]
RULE = "=" * 62
TITLE = f"{RULE}\nGuild: X\nChannel: y\n{RULE}\n\n"
TEXT = (
    f"{TITLE}[1/5/2024 10:00 AM] ann\nhello there\n\nyou: all\n\n"
    "[1/5/2024 10:01 AM] bob b. (pinned)\n[1/1/2024 9:00 AM] Ann: hi\n\n"
    "{Attachments}\nhttps://example.org/a.png\n\n"
    "[1/5/2024 10:02 AM] ann\n\n{Reactions}\nx (2)\n\n"
    f"{RULE}\nExported 3 message(s)\n{RULE}\n"
)


def test_who_writes_stands_above_the_words(read: Read) -> None:
    cues, notes = read(TEXT, "a.txt")
    assert cues == [
        Cue("ann", "hello there you: all", when="1/5/2024 10:00 AM"),
        Cue("bob b.", "[1/1/2024 9:00 AM] Ann: hi", when="1/5/2024 10:01 AM"),
    ]
    assert notes == [
        "a.txt: a Discord channel of 2 messages, speakers ann, bob b.",
        "a.txt: 1 messages without words are left out",
        "a.txt: what stands below messages is left out: 1 {Attachments}, 1 {Reactions}",
    ]


def test_a_channel_without_words_is_refused(read: Read) -> None:
    with pytest.raises(InputError, match="a Discord channel in which nobody says anything"):
        read(TITLE, "a.txt")
