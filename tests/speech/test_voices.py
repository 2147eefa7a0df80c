"""Windows of voices, and turns."""

from __future__ import annotations

import numpy as np
import pytest

from ariigcn_dgl.extract.voice import VoiceEncoder
from ariigcn_dgl.speech.stretches import Stretch
from ariigcn_dgl.speech.voices import Turn, embeddings_of, turns_of, windows_of
from tests.voice_weights import needs_voices


def test_windows_reach_from_the_first_to_the_last_moment() -> None:
    found = windows_of(Stretch(2.0, 5.1))
    assert found[0].start == 2.0
    assert found[-1].end == pytest.approx(5.1)
    assert {round(one.seconds, 6) for one in found} == {1.6}
    assert np.diff([one.start for one in found]) == pytest.approx(0.375)


def test_a_short_stretch_is_one_window() -> None:
    assert windows_of(Stretch(2.0, 2.5)) == [Stretch(2.0, 2.5)]


def test_a_turn_ends_with_its_stretch() -> None:
    first, second = Stretch(0.0, 1.0), Stretch(2.0, 3.0)
    assert turns_of([[first], [second]], [1, 1]) == [Turn(0.0, 1.0, 1), Turn(2.0, 3.0, 1)]


@needs_voices
def test_embeddings_are_those_of_each_voice(sound: np.ndarray, turns: tuple) -> None:
    windows = [windows_of(Stretch(a, b)) for a, b, _ in turns]
    found = embeddings_of(sound, windows, VoiceEncoder())
    assert found.shape == (sum(map(len, windows)), 256)
    whose = np.concatenate([[n % 2] * len(group) for n, group in enumerate(windows)])
    alike, same = found @ found.T, whose[:, None] == whose
    assert alike[same].min() > alike[~same].max() - 0.1
    assert alike[same].mean() > alike[~same].mean() + 0.15


@needs_voices
def test_loudness_makes_no_other_voice(sound: np.ndarray) -> None:
    windows = [windows_of(Stretch(0.6, 3.0))]
    loud, quiet = (embeddings_of(x * sound, windows, VoiceEncoder()) for x in (0.03, 0.001))
    np.testing.assert_allclose(loud, quiet, atol=1e-4)
