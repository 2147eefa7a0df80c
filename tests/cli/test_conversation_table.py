"""A labelled conversation in the terminal."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from ariigcn_dgl.cli.conversation_table import (
    conversation_table,
    conversations_table,
    speakers_table,
)
from ariigcn_dgl.conversation.labelled import Labelled
from ariigcn_dgl.data.targets import TargetSpec
from ariigcn_dgl.extract.spoken import Spoken
from ariigcn_dgl.training.target_answers import TargetAnswers


def _labelled(**changes: object) -> Labelled:
    spoken = [
        Spoken(None, "a", f"a_{n}", speaker, start, start + 1, text)
        for n, (speaker, start, text) in enumerate(
            [("Ann", 0.0, "Hi!"), ("Bob", 65.0, "[b]No\x1b[31m.[/b]"), ("Ann", 3700.0, "Oh.")]
        )
    ]
    p = np.array([[0.9, 0.1], [0.45, 0.55], [0.52, 0.48]])
    return Labelled(spoken, [("text",)] * 3, p, ["joy", "anger"], **{"bound": 0.6, **changes})


def _shown(table: object, *, colour: bool = False) -> str:
    system = "truecolor" if colour else None
    console = Console(file=io.StringIO(), width=70, force_terminal=colour, color_system=system)
    console.print(table)
    return console.file.getvalue()


def test_other_targets_are_shown_in_place_of_emotions() -> None:
    spec = TargetSpec("label", "regression", ("score",), -3.0, 3.0)
    said = [TargetAnswers(spec, np.array([[1.5], [-2.0], [0.5]]))]
    labelled = replace(_labelled(), probabilities=np.zeros((3, 0)), label_names=[], targets=said)
    lines = [line.split() for line in _shown(conversation_table(labelled)).splitlines()]
    assert lines[0] == ["0:00", "Ann", "score", "+1.50", "Hi!"]
    sums = _shown(speakers_table(labelled)).splitlines()
    assert sums[0].split(maxsplit=2)[2].strip() == "score +1.00 on average, from +0.50 to +1.50"


def test_each_utterance_has_time_speaker_emotion_and_words() -> None:
    lines = [line.split() for line in _shown(conversation_table(_labelled())).splitlines()]
    assert lines[0] == ["0:00", "Ann", "joy", "90", "%", "Hi!"]
    assert lines[2] == ["1:01:40", "Ann", "joy?", "52", "%", "Oh."]


def test_unsure_answers_have_a_question_mark_and_no_colour() -> None:
    first, _, third = _shown(conversation_table(_labelled()), colour=True).splitlines()
    assert "48;2;" in first
    assert "48;2;" not in third
    assert "joy?" in third


def test_what_is_left_open_is_a_question_mark_alone() -> None:
    left_open = np.array([False, True, False])
    line = _shown(conversation_table(_labelled(left_open=left_open))).splitlines()[1]
    assert line.split()[:3] == ["1:05", "Bob", "?"]
    assert "anger" not in line


def test_words_give_no_orders_to_the_terminal() -> None:
    shown = _shown(conversation_table(_labelled()), colour=True)
    assert r"[b]No\x1b[31m.[/b]" in shown


def test_chat_without_times_has_no_column_of_them() -> None:
    spoken = [Spoken(None, "a", "a_0", "Ann", None, None, "Hi!")]
    labelled = Labelled(spoken, [("text",)], np.array([[1.0]]), ["joy"])
    assert _shown(conversation_table(labelled)).split() == ["Ann", "joy", "100", "%", "Hi!"]


def test_speakers_are_summed_up() -> None:
    first, second = _shown(speakers_table(_labelled())).splitlines()
    assert first.split() == ["Ann", "2", "joy", "100", "%"]
    assert second.split() == ["Bob", "1", "anger", "100", "%"]
    left_open = np.array([False, True, True])
    first, second = _shown(speakers_table(_labelled(left_open=left_open))).splitlines()
    assert first.split() == ["Ann", "2", "joy", "50", "%,", "left", "open", "50", "%"]
    assert second.split() == ["Bob", "1", "left", "open", "100", "%"]


@pytest.mark.parametrize("counts", [[1], [3, 3], [1, 1, 1], [1000, 1]])
def test_bars_are_equally_long(counts: list[int]) -> None:
    from ariigcn_dgl.cli.conversation_table import BAR, _lengths

    assert sum(_lengths(counts)) == BAR


def test_each_conversation_has_its_utterances_and_emotions_in_sum() -> None:
    table = conversations_table({"Work": _labelled(), "[b]Home": _labelled()})
    lines = [line.split() for line in _shown(table).splitlines()]
    assert lines == [
        [name, "3", "joy", "67", "%,", "anger", "33", "%"] for name in ("Work", "[b]Home")
    ]
