"""A score on a few dialogues is told to say little; one on many is not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ariigcn_dgl.training.small_sample import accuracy_interval, size_warning


def _alternating(dialogues: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Return dialogues of which each has half of its utterances right."""
    return np.tile([0, 1], dialogues * length // 2), np.repeat(np.arange(dialogues), length)


def test_one_dialogue_has_no_interval() -> None:
    assert accuracy_interval(np.ones(50), np.zeros(50)) is None


def test_dialogues_that_are_alike_have_the_interval_of_independent_utterances() -> None:
    low, high = accuracy_interval(*_alternating(50, 4))
    wilson = stats.binomtest(100, 200).proportion_ci(method="wilson")
    assert (low, high) == pytest.approx((100 * wilson.low, 100 * wilson.high))


def test_dialogues_that_differ_have_a_wider_interval_than_their_utterances() -> None:
    hits = np.repeat([0.0, 1.0], 5 * 20)  # five dialogues all wrong, five all right
    low, high = accuracy_interval(hits, np.repeat(np.arange(10), 20))
    half = stats.t.ppf(0.975, 9) * np.std([0.0] * 5 + [1.0] * 5, ddof=1) / np.sqrt(10)
    assert (low, high) == pytest.approx((50 - 100 * half, 50 + 100 * half))


def test_a_perfect_score_on_few_utterances_is_not_certain() -> None:
    low, high = accuracy_interval(np.ones(12), np.repeat([0, 1], 6))
    assert low == pytest.approx(75.75, abs=0.01)
    assert high == 100


def test_two_small_dialogues_are_warned_of() -> None:
    assert size_warning("test", np.ones(12), np.repeat([0, 1], 6)).startswith(
        "test: 12 labelled utterances in 2 dialogues say little: the 95 % interval of the accuracy "
        "over dialogues is 76 to 100, wider than the 11 points"
    )


def test_one_dialogue_is_warned_of_without_an_interval() -> None:
    assert size_warning("val", np.ones(12), np.zeros(12)) == (
        "val: 12 labelled utterances in 1 dialogue: nothing tells how far the score of others "
        "would differ"
    )


def test_many_dialogues_are_not_warned_of() -> None:
    assert size_warning("test", *_alternating(100, 10)) == ""
