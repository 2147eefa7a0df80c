"""Where a run is farthest off: the worst answers to each target, and what is said of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ariigcn_dgl.data import Dialogues, SynthConfig, synthesise
from ariigcn_dgl.data.targets import TargetSpec
from ariigcn_dgl.report.farthest import Farthest, farthest
from ariigcn_dgl.training.target_answers import TargetAnswers

SCORE = TargetSpec("label", "regression", ("score",), -3.0, 3.0, unit="points")
CUES = TargetSpec("cues", "multilabel", ("laugh", "cry"))
NAN = np.nan


@pytest.fixture(scope="module")
def talk() -> Dialogues:
    """One dialogue of three utterances with words."""
    part = synthesise(
        SynthConfig(train=1, val=1, test=1, length_mean=3, length_sd=1, length_min=3, length_max=3)
    ).select([0])
    return replace(part, words=("Hi!", "No.", "Well?"))


def of(spec: TargetSpec, answers: list, values: list, talk: Dialogues) -> list[Farthest]:
    return farthest([TargetAnswers(spec, np.array(answers), np.array(values))], talk)


def test_the_worst_answer_stands_first_with_what_is_true(talk: Dialogues) -> None:
    (found,) = of(SCORE, [[0.5], [1.0], [2.0]], [[1.0], [-2.0], [NAN]], talk)
    assert (found.title, found.count) == ("score", 2)
    assert [(x.words, x.off) for x in found.misses] == [
        ("No.", "3.00 points"),
        ("Hi!", "0.50 points"),
    ]
    worst = found.misses[0]
    assert (worst.truth, worst.answer) == ("-2.00 points", "+1.00 points")
    assert worst.name == talk.utterance_ids[1]
    assert worst.speaker == talk.speaker_names[talk.speakers[1]]


def test_of_labels_the_surest_wrong_ones_count(talk: Dialogues) -> None:
    said = [[0.9, 0.4], [0.8, 0.9], [0.1, 0.6]]
    (found,) = of(CUES, said, [[1, 0], [0, NAN], [NAN, 0]], talk)
    assert [(x.words, x.off, x.truth) for x in found.misses] == [
        ("No.", "80 %", "none"),
        ("Well?", "60 %", "none"),
    ]


def test_where_nothing_is_known_nothing_is_shown(talk: Dialogues) -> None:
    assert of(SCORE, [[0.0]] * 3, [[NAN]] * 3, talk) == []
    assert farthest([TargetAnswers(SCORE, np.zeros((3, 1)))], talk) == []


def test_right_answers_are_no_misses(talk: Dialogues) -> None:
    (found,) = of(SCORE, [[1.0]] * 3, [[1.0]] * 3, talk)
    assert (found.misses, found.count) == ([], 3)
