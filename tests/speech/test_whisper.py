"""The code that runs a Whisper, with a random one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.speech import whisper as module
from ariigcn_dgl.speech.recogniser import Piece
from ariigcn_dgl.speech.whisper import Whisper, _pieces

pytestmark = pytest.mark.slow  # imports transformers and makes a model


@pytest.fixture(scope="module")
def recogniser(whisper: Path) -> Whisper:
    return Whisper(whisper, "tiny", "german")


def test_words_have_times_within_the_sound(recogniser: Whisper, sound: np.ndarray) -> None:
    found = recogniser.recognise(sound)
    assert len(found) > 1
    times = [time for one in found for time in (one.start, one.end)]
    assert times == sorted(times)
    assert 0 <= times[0] < times[-1] <= len(sound) / 16_000
    assert recogniser.language == "de"
    assert recogniser.notes() == []


def test_the_same_sound_gives_the_same_words(recogniser: Whisper, sound: np.ndarray) -> None:
    assert recogniser.recognise(sound) == recogniser.recognise(sound)


def test_without_times_of_words_there_are_those_of_sentences(
    whisper: Path, sound: np.ndarray, tmp_path: Path
) -> None:
    shutil.copytree(whisper, tmp_path, dirs_exist_ok=True)
    config = json.loads((tmp_path / "generation_config.json").read_text())
    del config["alignment_heads"]
    (tmp_path / "generation_config.json").write_text(json.dumps(config))
    found = Whisper(tmp_path, language="en").recognise(sound)
    assert found
    assert max(one.end for one in found) <= len(sound) / 16_000


def test_the_language_is_found_once_and_told(whisper: Path, sound: np.ndarray) -> None:
    recogniser = Whisper(whisper)
    recogniser.recognise(sound)
    found = recogniser.language
    assert found in ("en", "de")
    assert recogniser.notes()[0].startswith(f"the language was taken to be {found!r}")


def test_silence_that_says_nothing_is_left_out(
    recogniser: Whisper, sound: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = {"no_speech_threshold": -1.0, "logprob_threshold": 0.0}
    monkeypatch.setattr(module, "SILENCE", module.SILENCE | never)
    assert recogniser.recognise(sound) == []


def test_loops_are_told(recogniser: Whisper) -> None:
    recogniser._loops = 2
    assert "repeats itself in 2 stretches" in recogniser.notes()[0]
    recogniser._loops = 0
    assert module._repeats("you know " * 20)
    assert not module._repeats("they are on the table next to the door")


def test_an_unknown_language_is_refused(whisper: Path) -> None:
    with pytest.raises(InputError, match="klingon: not a language of tiny, which knows de, en"):
        Whisper(whisper, "tiny", "klingon")


def test_a_folder_that_is_no_whisper_is_refused(whisper: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no config\.json, expected the folder of a Whisper"):
        Whisper(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "roberta"}')
    with pytest.raises(InputError, match="is a model of the kind 'roberta', expected a Whisper"):
        Whisper(tmp_path)
    shutil.copy(whisper / "config.json", tmp_path)
    with pytest.raises(InputError, match="not a complete Whisper"):
        Whisper(tmp_path)


def test_times_are_put_in_order_and_within_the_sound() -> None:
    chunks = [
        {"text": " a", "timestamp": (0.2, 0.1)},
        {"text": " b", "timestamp": (0.1, 9.0)},
        {"text": " c", "timestamp": (None, None)},
    ]
    expected = [Piece(0.2, 0.2, " a"), Piece(0.2, 2.0, " b"), Piece(2.0, 2.0, " c")]
    assert _pieces(chunks, 2.0) == expected
