"""The bound on confidence that validation chooses, and what answering less is worth."""

from __future__ import annotations

import numpy as np
import pytest

from ariigcn_dgl.training.abstain import Abstention, choose_abstention, risk_coverage

# Confidences 0.9, 0.8, 0.7, 0.6, 0.5; the least sure two are wrong.
PROBABILITIES = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.6, 0.4], [0.5, 0.5]])
LABELS = np.array([0, 1, 0, 1, 1])


@pytest.mark.parametrize(
    ("coverage", "bound", "answered", "accuracy"),
    [(0.2, 0.85, 20, 100), (0.6, 0.65, 60, 100), (0.8, 0.55, 80, 75), (0.61, 0.55, 80, 75)],
)
def test_bound_answers_at_least_the_share(
    coverage: float, bound: float, answered: float, accuracy: float
) -> None:
    found = choose_abstention(coverage, PROBABILITIES, LABELS)
    assert found.confidence == pytest.approx(bound)
    assert (found.answered, found.accuracy) == (pytest.approx(answered), pytest.approx(accuracy))


@pytest.mark.parametrize("tenths", range(1, 10))
def test_tenths_of_ten_are_not_rounded_up(tenths: int) -> None:
    confidences = np.linspace(0.5, 0.95, 10)
    probabilities = np.stack([confidences, 1 - confidences], axis=1)
    found = choose_abstention(tenths / 10, probabilities, np.zeros(10, int))
    assert found.answered == pytest.approx(10 * tenths)


def test_any_share_however_small_answers_one() -> None:
    assert choose_abstention(1e-12, PROBABILITIES, LABELS).answered == 20


def test_rounding_turns_no_utterance_of_validation() -> None:
    bound = choose_abstention(0.6, PROBABILITIES, LABELS)
    for rounding in (-1e-6, 1e-6):
        assert bound.leaves_open(PROBABILITIES + rounding).sum() == 2


def test_equally_sure_utterances_are_answered_together() -> None:
    assert choose_abstention(0.25, np.full((4, 2), 0.5), np.zeros(4, int)).answered == 100


@pytest.mark.parametrize("coverage", [1, 0.51])
def test_everything_is_answered_where_all_of_validation_is(coverage: float) -> None:
    found = choose_abstention(coverage, PROBABILITIES[:2], LABELS[:2])
    assert (found.confidence, found.leaves_open(PROBABILITIES).any()) == (0, False)


def test_what_is_below_the_bound_is_left_open() -> None:
    abstention = Abstention(0.7, 60.0, 100.0)
    assert abstention.leaves_open(PROBABILITIES).tolist() == [False, False, False, True, True]
    assert not abstention.leaves_open(PROBABILITIES[0])


def test_words_say_how_many_and_what_to_expect() -> None:
    assert Abstention(0.7, 60.0, 100.0).in_words(1, 3) == (
        "1 of 3 left open, of a confidence below 70.0 %; on validation 60.0 % are answered, "
        "100.0 % of them right"
    )


def test_risk_and_coverage_on_test_by_bounds_of_validation() -> None:
    test = np.array([[0.95, 0.05], [0.48, 0.52]]), np.array([0, 0])
    rows = risk_coverage((PROBABILITIES, LABELS), test, ["a", "b"])
    assert [row["coverage"] for row in rows] == [100, 90, 80, 70]
    assert [row["answered"] for row in rows] == [100, 100, 50, 50]
    assert [row["accuracy"] for row in rows] == [50, 50, 100, 100]


def test_nothing_answered_has_no_score() -> None:
    test = np.array([[0.48, 0.52]]), np.array([0])
    last = risk_coverage((PROBABILITIES, LABELS), test, ["a", "b"])[-1]
    assert last == {"coverage": 70, "answered": 0}
