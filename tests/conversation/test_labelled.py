"""Subtitles and records of labelled utterances."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ariigcn_dgl.conversation.files import write_all, write_files
from ariigcn_dgl.conversation.label import Answered
from ariigcn_dgl.conversation.labelled import Labelled, as_records, as_subtitles
from ariigcn_dgl.data.targets import TargetSpec
from ariigcn_dgl.extract.spoken import Spoken
from ariigcn_dgl.training.target_answers import TargetAnswers
from ariigcn_dgl.transcripts.read import read_transcript


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


@pytest.fixture
def scored(labelled: Labelled) -> Labelled:
    """Return the same with scores and cues in place of emotions."""
    score = TargetSpec("label", "regression", ("score",), -3.0, 3.0)
    cues = TargetSpec("cues", "multilabel", ("laugh", "sigh"))
    said = [
        TargetAnswers(score, np.array([[1.25], [-0.5]])),
        TargetAnswers(cues, np.array([[0.9, 0.6], [0.1, 0.2]])),
    ]
    return replace(labelled, probabilities=np.zeros((2, 0)), label_names=(), targets=said)


def test_subtitles_begin_with_other_targets(labelled: Labelled, scored: Labelled) -> None:
    words = [block.split("\n")[2] for block in as_subtitles(scored).split("\n\n")]
    assert words[0] == "[score +1.25; cues laugh, sigh] Ann: Hi!"
    assert words[1] == "[score -0.50; cues none] Bob: Well: no."
    both = replace(labelled, targets=scored.targets[:1])
    assert "[joy 75 %; score +1.25] Ann: Hi!" in as_subtitles(both)


def test_records_hold_other_targets(labelled: Labelled, scored: Labelled) -> None:
    first = as_records(scored)[0]
    assert "prediction" not in first
    assert first["targets"] == {
        "label": {"prediction": {"score": 1.25}},
        "cues": {
            "prediction": {"laugh": 1, "sigh": 1},
            "probabilities": {"laugh": 0.9, "sigh": 0.6},
        },
    }
    assert not scored.unsure.any()
    both = as_records(replace(labelled, targets=scored.targets))[0]
    assert (both["prediction"], both["targets"]) == ("joy", first["targets"])


def test_a_table_of_other_targets_has_a_column_for_each_number(
    scored: Labelled, tmp_path: Path
) -> None:
    answered = Answered(scored, "mlp", "clips", ("text",), (), True, "")
    written = write_files(tmp_path / "out", "talk", answered, None)
    assert written == ["timeline.json", "timeline.csv", "timeline.html", "timeline.srt"]
    first = next(csv.DictReader((tmp_path / "out" / "timeline.csv").read_text().splitlines()))
    assert (first["predicted_label"], first["predicted_cues_sigh"]) == ("1.25", "1")
    assert "prediction" not in first
    said = json.loads((tmp_path / "out" / "timeline.json").read_text())
    assert [one["name"] for one in said["targets"]] == ["label", "cues"]
    assert "labels" not in said


def test_folders_of_conversations_stay_apart(labelled: Labelled, tmp_path: Path) -> None:
    answered = Answered(labelled, "mlp", "clips", ("text",), (), True, "")
    names = ["Bob", "bob", "a/b", "", "timeline.csv"]
    folders = write_all(tmp_path / "out", "all.json", dict.fromkeys(names, answered), None)
    assert list(folders.values()) == ["Bob", "bob (2)", "a_b", "unnamed", "timeline.csv (2)"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *folders.values(),
        "timeline.csv",
    }
    rows = list(csv.DictReader((tmp_path / "out" / "timeline.csv").read_text().splitlines()))
    assert [row["dialogue"] for row in rows] == [name for name in names for _ in range(2)]


def test_a_page_in_a_folder_of_several_plays_the_recording(
    labelled: Labelled, tmp_path: Path
) -> None:
    answered = Answered(labelled, "mlp", "clips", ("text",), (), True, "")
    write_all(tmp_path / "out", "a.csv", {"x": answered, "y": answered}, tmp_path / "a.mp4")
    assert '"../../a.mp4"' in (tmp_path / "out" / "x" / "timeline.html").read_text()


def test_subtitles_can_be_read_again(labelled: Labelled, tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_text(as_subtitles(labelled))
    first, second = read_transcript(tmp_path / "a.srt", lambda sentence: None)
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
    assert len(read_transcript(tmp_path / "a.srt", lambda sentence: None)) == 1


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
    first, second = read_transcript(tmp_path / "a.srt", lambda sentence: None)
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
