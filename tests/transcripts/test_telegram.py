"""Telegram's result.json."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.transcripts.read import read_dialogues, read_transcript

Read = Callable[..., tuple[list, list[str]]]
MESSAGES = [
    {"id": 1, "type": "service", "date": "2024-01-01T10:00:00", "actor": "Ann", "action": "x"},
    {"id": 2, "type": "message", "date": "2024-01-01T10:00:01", "from": "Ann", "text": "Hi"},
    {
        "id": 3,
        "type": "message",
        "date": "2024-01-01T10:00:02",
        "from": "Bob",
        "text": ["See ", {"type": "link", "text": "https://a.b"}, " now"],
    },
    {"id": 4, "type": "message", "from": "Bob", "media_type": "sticker", "text": ""},
    {"id": 5, "type": "message", "from": "Bob", "photo": "a.jpg", "text": ""},
    {"id": 6, "type": "message", "from": None, "from_id": "user7", "text": "Bye"},
]
CHAT = {"name": "Bob", "type": "personal_chat", "id": 7, "messages": MESSAGES}


def test_one_chat(read: Read) -> None:
    cues, notes = read(json.dumps(CHAT), "result.json")
    assert [(cue.speaker, cue.text) for cue in cues] == [
        ("Ann", "Hi"),
        ("Bob", "See https://a.b now"),
        ("user7", "Bye"),
    ]
    assert cues[0].when == "2024-01-01T10:00:01"
    assert notes == [
        "result.json: chat 'Bob': 3 messages, speakers Ann, Bob, user7",
        "result.json: chat 'Bob': 3 messages without words are left out: 1 service messages, 1 "
        "sticker, 1 photo",
        "result.json: chat 'Bob': 1 messages are of deleted accounts: called by their number",
    ]


def test_all_chats_are_dialogues_of_their_own(tmp_path: Path, notes: list[str]) -> None:
    path = tmp_path / "result.json"
    path.write_text(json.dumps({"chats": {"list": [CHAT, {**CHAT, "name": "Work"}]}}))
    assert list(read_dialogues(path, notes.append)) == ["Bob", "Work"]
    with pytest.raises(InputError, match=r"holds 2 conversations \('Bob', 'Work'\), expected one"):
        read_transcript(path, notes.append)


def test_chats_of_one_name_are_all_kept(tmp_path: Path, notes: list[str]) -> None:
    names = ["Bob", "Bob 3", "Bob", None, None, "chat 4"]
    path = tmp_path / "result.json"
    path.write_text(json.dumps({"chats": {"list": [{**CHAT, "name": name} for name in names]}}))
    found = read_dialogues(path, notes.append)
    assert list(found) == ["Bob", "Bob 3", "Bob 4", "chat 4", "chat 5", "chat 4 6"]


def test_chats_without_words_are_noted(tmp_path: Path, notes: list[str]) -> None:
    silent = {**CHAT, "name": "Ann", "messages": MESSAGES[:1]}
    chats = [CHAT, {**CHAT, "messages": []}, silent]
    path = tmp_path / "result.json"
    path.write_text(json.dumps({"chats": {"list": chats}}))
    assert list(read_dialogues(path, notes.append)) == ["Bob"]
    assert f"{path}: 1 chats have no messages: left out" in notes
    assert f"{path}: chat 'Ann': 0 messages, so it is left out" in notes
