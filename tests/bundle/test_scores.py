"""The scores of a card, and their intervals over dialogues."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ariigcn_dgl.bundle.scores import measured, split_scores
from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.data.targets import Target, TargetSpec
from ariigcn_dgl.training.additive import CLASS_SCORES, class_rows
from ariigcn_dgl.training.metrics import score
from ariigcn_dgl.training.scoring import Scoring


def test_scores_are_those_of_the_labelled_utterances(tiny: Dialogues) -> None:
    said = np.array([[0, 1], [1, 0], [0, 1], [0, 1], [0, 1], [0, 1]], float)
    found = split_scores(tiny, said, tiny.label_names)  # one of five is wrong, one unlabelled
    assert (found["dialogues"], found["utterances"]) == (3, 5)
    assert found["headline"]["accuracy"]["score"] == pytest.approx(80)
    assert [row["utterances"] for row in found["per_class"]] == [2, 3]
    assert found["calibration_error"] == pytest.approx(20)


def test_all_right_leaves_no_doubt(tiny: Dialogues) -> None:
    labels = np.where(tiny.labels < 0, 0, tiny.labels)
    found = split_scores(tiny, np.eye(2)[labels], tiny.label_names)
    accuracy = found["headline"]["accuracy"]
    assert (accuracy["low"], accuracy["high"]) == (100, 100)


def test_scores_of_a_target_are_those_of_the_utterances_that_have_it(tiny: Dialogues) -> None:
    spec = TargetSpec("vad", "regression", ("valence", "arousal"), 1.0, 5.0)
    values = np.full((6, 2), np.nan, np.float32)
    values[[0, 1, 5]] = [[1, 2], [2, 4], [5, np.nan]]
    talk = replace(tiny, targets={"vad": Target(spec, values)})
    scoring = Scoring(talk.specs)
    answers = np.concatenate([np.eye(2)[[0] * 6], np.nan_to_num(values) + 0.5], axis=1)
    found = measured(scoring, talk, answers)
    assert found.keys() >= {"headline", "targets"}
    own = found["targets"]["vad"]
    assert own["utterances"] == 3
    assert own["scores"]["mae"] == {"score": 0.5, "low": 0.5, "high": 0.5}  # off by one constant


def test_interval_is_of_dialogues_and_not_of_utterances(tiny: Dialogues) -> None:
    ptr = np.array([0, 50, 100])
    talk = replace(
        tiny,
        features={"text": np.zeros((100, 1), np.float32)},
        masks={"text": np.ones(100, bool)},
        labels=np.zeros(100, int),
        speakers=np.zeros(100, int),
        dialogue_ptr=ptr,
        dialogue_ids=("a", "b"),
        splits=("test", "test"),
        utterance_ids=tuple(map(str, range(100))),
    )
    said = np.repeat([[1.0, 0.0], [0.0, 1.0]], 50, axis=0)  # one dialogue right, the other wrong
    accuracy = split_scores(talk, said, talk.label_names)["headline"]["accuracy"]
    assert (accuracy["low"], accuracy["score"], accuracy["high"]) == (0, 50, 100)


def test_scores_of_sums_are_those_of_predictions() -> None:
    generator = np.random.default_rng(0)
    labels, found = generator.integers(0, 3, (2, 50))
    labels[labels == 2], found[found == 2] = 0, 1  # a class that does not occur
    scores = score(labels, found, ["a", "b", "c"])
    sums = class_rows(labels, found, 3).sum(0)
    for name, value in scores.headline().items():
        assert CLASS_SCORES[name](sums) == pytest.approx(value)
