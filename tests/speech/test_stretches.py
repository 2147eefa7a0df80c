"""Stretches of speech."""

from __future__ import annotations

import numpy as np
import pytest

from ariigcn_dgl.extract.media import SAMPLE_RATE
from ariigcn_dgl.speech.activity import STEP
from ariigcn_dgl.speech.stretches import LONGEST, Stretch, grouped, stretches_of

SECONDS = STEP / SAMPLE_RATE


def _probabilities(*runs: tuple[float, int]) -> np.ndarray:
    return np.concatenate([np.full(count, value) for value, count in runs])


def test_a_short_gap_is_no_pause() -> None:
    assert len(stretches_of(_probabilities((0, 20), (1, 20), (0, 4), (1, 20), (0, 20)))) == 1
    assert len(stretches_of(_probabilities((0, 20), (1, 20), (0, 6), (1, 20), (0, 20)))) == 2


def test_a_click_is_no_speech() -> None:
    assert stretches_of(_probabilities((0, 20), (1, 5), (0, 20))) == []


def test_speech_goes_on_until_it_is_improbable() -> None:
    (found,) = stretches_of(_probabilities((0.4, 10), (1, 10), (0.4, 10), (0.1, 10)))
    assert (found.start, found.end) == pytest.approx((10 * SECONDS - 0.05, 30 * SECONDS + 0.05))


def test_stretches_stay_within_the_sound() -> None:
    (found,) = stretches_of(np.ones(30))
    assert (found.start, found.end) == pytest.approx((0.0, 30 * SECONDS))


def test_what_is_too_long_is_cut_where_speech_is_the_least_probable() -> None:
    probabilities = np.ones(1500)
    probabilities[700] = 0.6
    found = stretches_of(probabilities)
    assert max(one.seconds for one in found) <= LONGEST
    assert found[0].end == pytest.approx(700 * SECONDS)
    assert [one.end for one in found[:-1]] == [one.start for one in found[1:]]
    assert found[-1].end == pytest.approx(1500 * SECONDS)


def test_neighbours_are_recognised_together_until_they_are_too_long() -> None:
    each = [Stretch(10.0 * n, 10.0 * n + 9.8) for n in range(4)]
    assert grouped(each) == [Stretch(0.0, 19.8), Stretch(20.0, 39.8)]


def test_nothing_has_no_stretches() -> None:
    assert stretches_of(np.empty(0)) == []
    assert grouped([]) == []


def test_its_sound_is_cut_out() -> None:
    sound = np.arange(3 * SAMPLE_RATE, dtype=np.float32)
    np.testing.assert_array_equal(Stretch(1.0, 1.5).of(sound), sound[SAMPLE_RATE:24_000])
