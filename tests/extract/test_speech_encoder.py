"""Speech models as audio encoders: random ones of the published kinds."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.choose import audio_encoder
from ariigcn_dgl.extract.features import Encoders, extract
from ariigcn_dgl.extract.media import read_sound
from ariigcn_dgl.extract.speech_encoder import SHORTEST, SpeechEncoder
from ariigcn_dgl.extract.spoken import Spoken
from tests import tiny_speech

pytestmark = pytest.mark.slow  # a process of its own writes the models

KINDS = ("wavlm", "hubert", "wav2vec2", "whisper")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of speech models, 8 wide."""
    folder = tmp_path_factory.mktemp("speech")
    command = [sys.executable, tiny_speech.__file__, folder]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def sounds() -> list[np.ndarray]:
    """Return noise of several lengths, two of them equal, none with a mean of 0."""
    generator = np.random.default_rng(0)
    lengths = (16_000, 9_000, SHORTEST, 16_000, 21_111)
    return [(0.1 * generator.standard_normal(n) + 0.05).astype(np.float32) for n in lengths]


@pytest.mark.parametrize("kind", KINDS)
def test_sound_does_not_depend_on_its_company(
    models: Path, sounds: list[np.ndarray], kind: str
) -> None:
    encoder, sounds = SpeechEncoder(models / kind), sounds[: 2 if kind == "whisper" else None]
    together = encoder.encode(sounds)
    alone = np.concatenate([encoder.encode([one]) for one in sounds])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert np.ptp(together, axis=0).min() > 1e-3


@pytest.mark.parametrize("kind", ["wavlm", "hubert"])
@torch.inference_mode()
def test_features_are_the_mean_of_what_transformers_computes(
    models: Path, sounds: list[np.ndarray], kind: str
) -> None:
    found = SpeechEncoder(models / kind).encode(sounds)  # first: it hides torchvision
    from transformers import AutoFeatureExtractor, AutoModel

    reader = AutoFeatureExtractor.from_pretrained(models / kind)
    model = AutoModel.from_pretrained(models / kind).eval()
    for row, sound in zip(found, sounds, strict=True):
        values = reader(sound, sampling_rate=16_000, return_tensors="pt").input_values
        np.testing.assert_allclose(row, model(values).last_hidden_state[0].mean(0), atol=1e-5)


def test_silence_after_the_sound_is_not_heard_by_whisper(
    models: Path, sounds: list[np.ndarray]
) -> None:
    encoder = SpeechEncoder(models / "whisper")
    whole = encoder.model(
        encoder.reader(sounds[0], sampling_rate=16_000, return_tensors="pt").input_features
    ).last_hidden_state
    np.testing.assert_allclose(
        encoder.encode(sounds[:1])[0], whole[0, :50].mean(0).detach(), atol=1e-5
    )


def test_too_short_is_nothing_and_too_long_is_cut() -> None:
    assert SpeechEncoder.prepare(np.zeros(SHORTEST - 1, np.float32)) is None
    assert len(SpeechEncoder.prepare(np.zeros(600_000, np.float32))) == 480_000


def test_half_precision_is_that_of_the_model(models: Path, sounds: list[np.ndarray]) -> None:
    whole, half = (SpeechEncoder(models / "hubert", dtype=x) for x in ("float32", "bfloat16"))
    # Not held against float32: how far from that so small a model gets depends on the machine.
    values = half.reader(sounds[:1], sampling_rate=16_000, return_tensors="pt").input_values
    states = whole.model.to(torch.bfloat16)(values.bfloat16()).last_hidden_state
    assert states.dtype == torch.bfloat16
    expected = states.float().mean(1).detach()
    np.testing.assert_allclose(half.encode(sounds[:1]), expected, atol=1e-5)


def test_half_precision_is_no_other_encoder(models: Path) -> None:
    one, other = (
        SpeechEncoder(models / "hubert", dtype=x).describe() for x in ("float32", "bfloat16")
    )
    assert (one.pop("dtype"), other.pop("dtype")) == ("float32", "bfloat16")
    assert one == other


def test_folder_is_a_speech_model_to_the_command(models: Path, notes: list[str]) -> None:
    said = audio_encoder(str(models / "wavlm"), notes.append).describe()
    assert (said["encoder"], said["pooling"], said["width"]) == ("WavLMModel", "mean", 8)
    assert notes == []


def test_model_of_text_hears_nothing(roberta: Path) -> None:
    with pytest.raises(InputError, match="not a complete encoder with feature extractor: "):
        SpeechEncoder(roberta)


def test_other_rate_is_refused(models: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(models / "hubert", tmp_path / "other")
    reader = json.loads((folder / "preprocessor_config.json").read_text())
    (folder / "preprocessor_config.json").write_text(json.dumps(reader | {"sampling_rate": 8000}))
    with pytest.raises(
        InputError, match="reads sound at 8000 Hz, expected a model of speech at 16"
    ):
        SpeechEncoder(folder)


def test_film_is_heard_by_a_speech_model(
    models: Path, record: Callable, tmp_path: Path, notes: list[str]
) -> None:
    film = record(tmp_path / "film.wav", [(1.5, 200.0, (0, 0, 0))], pictures=False)
    times = [(0.0, 0.7), (0.7, 0.71), (0.7, 1.5)]
    spoken = [Spoken(film, "d", f"d_{n}", "A", *pair, "") for n, pair in enumerate(times)]
    encoder = SpeechEncoder(models / "wavlm")
    found = extract("films", spoken, Encoders(audio=encoder), notes.append).dialogues
    assert found.masks["audio"].tolist() == [True, False, True]
    sound = read_sound(film)
    expected = encoder.encode([sound[:11_200], sound[11_200:24_000]])
    np.testing.assert_allclose(found.features["audio"][[0, 2]], expected, atol=1e-5)
