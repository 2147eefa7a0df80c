"""Subtitles and records of labelled utterances."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ariigcn_dgl.conversation.labelled import Labelled, as_records, as_subtitles
from ariigcn_dgl.extract.spoken import Spoken
from ariigcn_dgl.transcripts.subtitles import read_subtitles


@pytest.fixture
def labelled() -> Labelled:
    """Return two utterances, the second of which ends just before a full minute."""
    spoken = [
        Spoken(Path("a.mp4"), "a", "a_0", "Ann", 0.0, 1.25, "Hi!"),
        Spoken(Path("a.mp4"), "a", "a_1", "Bob", 3600.5, 3659.9996, "Well: no."),
    ]
    probabilities = np.array([[0.75, 0.25], [0.004, 0.996]])
    return Labelled(spoken, [("text",), ("text", "audio")], probabilities, ["joy", "anger"])


def test_subtitles_begin_with_the_emotion(labelled: Labelled) -> None:
    assert as_subtitles(labelled) == (
        "1\n00:00:00,000 --> 00:00:01,250\n[joy 75 %] Ann: Hi!\n\n"
        "2\n01:00:00,500 --> 01:01:00,000\n[anger 100 %] Bob: Well: no.\n"
    )


def test_subtitles_can_be_read_again(labelled: Labelled, tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_text(as_subtitles(labelled))
    first, second = read_subtitles(tmp_path / "a.srt", lambda sentence: None)
    assert (first.start, first.end, second.start, second.end) == (0.0, 1.25, 3600.5, 3660.0)
    assert second.text == "[anger 100 %] Bob: Well: no."


def test_what_is_left_open_has_no_emotion(labelled: Labelled) -> None:
    some = replace(labelled, left_open=np.array([True, False]))
    assert "\n[?] Ann: Hi!\n" in as_subtitles(some)
    assert "\n[anger 100 %] Bob: Well: no.\n" in as_subtitles(some)
    first, second = as_records(some)
    assert (first["prediction"], first["abstained"]) == (None, True)
    assert first["probabilities"] == {"joy": 0.75, "anger": 0.25}
    assert (second["prediction"], second["abstained"]) == ("anger", False)


def test_arrow_in_a_text_makes_no_further_subtitle(tmp_path: Path) -> None:
    spoken = [Spoken(Path("a.mp4"), "a", "a_0", "Ann", 0.0, 1.0, "00:01.000 --> 00:02.000")]
    text = as_subtitles(Labelled(spoken, [("text",)], np.array([[1.0]]), ["joy"]))
    (tmp_path / "a.srt").write_text(text)
    assert text.count("-->") == 1
    assert len(read_subtitles(tmp_path / "a.srt", lambda sentence: None)) == 1


def test_records_hold_everything(labelled: Labelled) -> None:
    assert as_records(labelled)[1] == {
        "utterance": "a_1",
        "start": 3600.5,
        "end": 3659.9996,
        "when": "",
        "speaker": "Bob",
        "text": "Well: no.",
        "modalities": ["text", "audio"],
        "prediction": "anger",
        "probabilities": {"joy": 0.004, "anger": 0.996},
    }


@pytest.mark.parametrize("text", ["<v Ann> Hi", "a <b", "</i> so", "<font"])
def test_markup_that_was_said_is_written_as_no_markup(text: str, tmp_path: Path) -> None:
    spoken = [
        Spoken(tmp_path, "a", f"a_{n}", "Bob", n, n + 1, words)
        for n, words in enumerate((text, "Yes"))
    ]
    labelled = Labelled(spoken, [()] * 2, np.array([[1.0], [1.0]]), ["joy"])
    (tmp_path / "a.srt").write_text(as_subtitles(labelled), encoding="utf-8")
    first, second = read_subtitles(tmp_path / "a.srt", lambda sentence: None)
    assert first.text == f"[joy 100 %] Bob: {text.replace('<', '‹')}"
    assert second.text == "[joy 100 %] Bob: Yes"


def test_a_heart_is_written_as_it_was_said(tmp_path: Path) -> None:
    spoken = [Spoken(tmp_path, "a", "a_0", "Bob", 0, 1, "I <3 you")]
    assert "I <3 you" in as_subtitles(Labelled(spoken, [()], np.array([[1.0]]), ["joy"]))


def test_answers_below_the_bound_are_unsure(labelled: Labelled) -> None:
    assert labelled.unsure.tolist() == [False, False]
    assert replace(labelled, bound=0.8).unsure.tolist() == [True, False]
    assert replace(labelled, left_open=np.array([False, True])).unsure.tolist() == [False, True]


def test_conversation_is_timed_when_all_of_it_is(labelled: Labelled) -> None:
    assert labelled.timed
    untimed = replace(labelled.spoken[0], start=None, end=None)
    assert not replace(labelled, spoken=[untimed, labelled.spoken[1]]).timed
