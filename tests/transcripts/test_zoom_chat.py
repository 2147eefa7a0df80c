"""Chats that Zoom saves as text."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.transcripts.cue import Cue

Read = Callable[..., tuple[list, list[str]]]
OLD = (
    "10:01:23 From Ann Smith to Everyone : Hello: all\n"
    "10:02:00 From  Bob Jones  to  Ann Smith(Direct Message) : Hi Ann\nand so on\n"
)
NEW = (
    "10:01:23\t From Ann Smith to Everyone:\n\tHello: all\n"
    "10:02:00\t From Bob Jones to Ann Smith(Direct Message):\n\tHi Ann\n\tand so on\n"
)


@pytest.mark.parametrize("chat", [OLD, NEW])
def test_who_writes_is_named(read: Read, chat: str) -> None:
    cues, notes = read(chat, "chat.txt")
    assert cues == [
        Cue("Ann Smith", "Hello: all", when="10:01:23"),
        Cue("Bob Jones", "Hi Ann and so on", when="10:02:00"),
    ]
    assert notes == [
        "chat.txt: a Zoom chat of 2 messages, speakers Ann Smith, Bob Jones",
        "chat.txt: 1 are direct messages, the first by 'Bob Jones': read with the others",
    ]


@pytest.mark.parametrize(
    ("line", "cue"),
    [
        ("10:01:23 From Ann : go to town : now", Cue("Ann", "go to town : now", when="10:01:23")),
        ("2024-01-05 9:01:23 From Ann to Bob: x", Cue("Ann", "x", when="2024-01-05 9:01:23")),
    ],
)
def test_other_heads(read: Read, line: str, cue: Cue) -> None:
    assert read(f"{line}\n", "chat.txt")[0] == [cue]


def test_what_is_left_out_is_noted(read: Read) -> None:
    chat = "my chat\n10:01:23 From Ann to Everyone:\n10:01:24 From Bob to Everyone:\n\tHi\n"
    cues, notes = read(chat, "chat.txt")
    assert [cue.text for cue in cues] == ["Hi"]
    assert "chat.txt: line 1: 1 lines before the first message are left out" in notes
    assert "chat.txt: 1 messages without words are left out" in notes


def test_a_chat_without_words_is_refused(read: Read) -> None:
    with pytest.raises(InputError, match="a Zoom chat in which nobody says anything"):
        read("10:01:23 From Ann to Everyone:\n", "chat.txt")
