"""Voices as vectors, by Resemblyzer's network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract import voice
from ariigcn_dgl.extract.carried import carried_sound
from ariigcn_dgl.extract.media import read_sound
from ariigcn_dgl.extract.voice import VoiceEncoder, as_loud, mel_frames
from tests.voice_weights import needs_voices

DIALOGUE = Path(__file__).parent.parent / "speech" / "dialogue.ogg"
# Of the whole recording, by VoiceEncoder("cpu").embed_utterance of resemblyzer 0.1.4 with librosa
# 0.11.0, without `preprocess_wav`: the first columns that are not 0.
COLUMNS = (0, 1, 2, 4, 5, 6, 7, 8)
VALUES = (0.00056, 0.0223, 0.20434, 0.01047, 0.03429, 0.0003, 0.00107, 0.00952)


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    return read_sound(DIALOGUE)


@needs_voices
def test_features_are_those_of_the_package(
    sound: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(voice, "as_loud", lambda sound: sound)
    encoder = VoiceEncoder()
    (found,) = encoder.encode([encoder.prepare(sound)])
    np.testing.assert_allclose(found[list(COLUMNS)], VALUES, atol=1e-4)
    assert np.count_nonzero(found[: COLUMNS[-1]]) == len(COLUMNS) - 1


@needs_voices
def test_short_and_silent_sound_has_features(sound: np.ndarray) -> None:
    encoder = VoiceEncoder()
    found = encoder.encode([encoder.prepare(x) for x in (sound[:8000], np.zeros(400, np.float32))])
    assert found.shape == (2, 256)
    assert np.linalg.norm(found, axis=1) == pytest.approx(1.0)
    assert encoder.prepare(sound[:0]) is None


@needs_voices
def test_utterances_do_not_depend_on_their_company(sound: np.ndarray) -> None:
    encoder = VoiceEncoder()
    frames = [encoder.prepare(sound[:n]) for n in (30_000, 90_000)]
    alone = np.concatenate([encoder.encode([x]) for x in frames])
    np.testing.assert_allclose(encoder.encode(frames), alone, atol=1e-6)


def test_quiet_sound_is_raised_and_loud_sound_is_left() -> None:
    loud = np.full(100, 0.5, np.float32)
    assert as_loud(loud) is loud
    assert np.sqrt(np.mean(as_loud(0.001 * loud) ** 2)) == pytest.approx(10**-1.5, rel=1e-4)
    assert not as_loud(np.zeros(9, np.float32)).any()


def test_frames_are_ten_milliseconds_apart() -> None:
    times = np.arange(16_000) / 16_000
    low, high = (mel_frames(np.sin(2 * np.pi * f * times)) for f in (200, 4000))
    assert low.shape == (101, 40)
    assert low[50].argmax() < high[50].argmax()


@needs_voices
def test_it_is_found_by_its_name(notes: list) -> None:
    encoder = carried_sound("resemblyzer", "cpu", notes.append)
    assert encoder.width == 256
    assert notes == ["--audio resemblyzer: of the package resemblyzer 0.1.4; licence: Apache-2.0"]


def test_damaged_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "pretrained.pt"
    path.write_bytes(b"no weights")
    monkeypatch.setattr(voice, "packaged_file", lambda *named: path)
    with pytest.raises(InputError, match="damaged: not Resemblyzer's weights; pip install --no-d"):
        VoiceEncoder()
