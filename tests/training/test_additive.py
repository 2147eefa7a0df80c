"""Scores from sums over utterances are those of the utterances, whatever the metric."""

from __future__ import annotations

import numpy as np
import pytest

from ariigcn_dgl.data.targets import TargetSpec, classes_spec
from ariigcn_dgl.training.additive import class_rows, weighted_f1
from ariigcn_dgl.training.target_kinds import TARGET_KINDS

SPECS = {
    "classes": classes_spec(["sad", "happy", "angry"]),
    "labels": TargetSpec("emotions", "multilabel", ("joy", "fear", "awe")),
    "sentiment": TargetSpec("score", "regression", ("score",), -3.0, 3.0),
    "a scale": TargetSpec("score", "regression", ("score",), 1.0, 5.0),
    "vad": TargetSpec("vad", "regression", ("valence", "arousal"), 1.0, 5.0),
}


def _case(spec: TargetSpec, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return values and answers of 20 utterances; of targets of several columns some unknown."""
    generator = np.random.default_rng(seed)
    answers = generator.random((20, spec.width))
    if spec.kind == "classes":
        return generator.integers(0, 3, (20, 1)).astype(float), answers
    if spec.kind == "multilabel":
        values = generator.integers(0, 2, (20, 3)).astype(float)
    else:
        values = np.round(generator.normal(0, 2, (20, spec.width)), 1)
        answers = values + generator.normal(0, 1.5, values.shape)
        values[3] = 0
    if spec.width > 1:
        values[generator.random(values.shape) < 0.2] = np.nan
    return values, answers


@pytest.mark.parametrize("name", SPECS)
def test_every_metric_is_that_of_the_utterances(name: str) -> None:
    spec = SPECS[name]
    kind = TARGET_KINDS[spec.kind]
    for seed in range(5):
        values, answers = _case(spec, seed)
        expected = kind.score(spec, values, answers)
        assert expected.keys() == {metric.name for metric in kind.metrics(spec)}
        for metric, value in expected.items():
            additive = kind.additive(spec, metric)
            found = additive.score(additive.rows(values, answers).sum(0))
            assert found == pytest.approx(value, abs=1e-9), metric


@pytest.mark.parametrize("name", SPECS)
def test_many_sums_are_scored_at_once(name: str) -> None:
    spec = SPECS[name]
    for metric in TARGET_KINDS[spec.kind].metrics(spec):
        additive = TARGET_KINDS[spec.kind].additive(spec, metric.name)
        sums = np.stack([additive.rows(*_case(spec, seed)).sum(0) for seed in range(4)])
        each = [additive.score(one) for one in sums]
        assert additive.score(sums.reshape(2, 2, -1)).ravel() == pytest.approx(np.array(each))


def test_two_of_three_right_in_literal_numbers() -> None:
    sums = class_rows(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).sum(0)
    assert sums.tolist() == [2, 1, 1, 2, 1, 1]
    assert weighted_f1(sums) == pytest.approx(100 * 2 / 3)


@pytest.mark.parametrize("name", SPECS)
def test_utterances_of_which_nothing_is_known_add_nothing(name: str) -> None:
    spec = SPECS[name]
    values, answers = _case(spec, 0)
    for metric in TARGET_KINDS[spec.kind].metrics(spec):
        rows = TARGET_KINDS[spec.kind].additive(spec, metric.name).rows
        assert not rows(np.full_like(values, np.nan), answers).any()
