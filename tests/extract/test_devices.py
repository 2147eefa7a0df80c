"""Encoders compute where they are told: on a GPU, and on the meta device, which has no values.

On the meta device mixing tensors of both devices is an error, so what runs there was moved whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from ariigcn_dgl.extract import recorded
from ariigcn_dgl.extract.audio import AudioEncoder, load_encoder, save_encoder
from ariigcn_dgl.extract.audio_training import AudioTraining, train_encoder
from ariigcn_dgl.extract.log_mel import MELS
from ariigcn_dgl.extract.manifest import FORMAT, MANIFEST
from ariigcn_dgl.extract.text import TextEncoder
from ariigcn_dgl.extract.visual import CROP, VisualEncoder
from ariigcn_dgl.files import write_json

pytestmark = pytest.mark.slow  # encoders are loaded and trained

TEXTS = ["Hello!", "How are you, my dear friend?"]
on_cuda = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


def _frames(count: int) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    return [generator.standard_normal((3 + n, MELS)).astype(np.float32) for n in range(count)]


def _pictures() -> Tensor:
    return torch.randn(2, 3, CROP, CROP, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def audio(tmp_path: Path) -> Path:
    """Return the file of an audio encoder, 6 wide."""
    save_encoder(AudioEncoder(8, 6), tmp_path / "audio.safetensors")
    return tmp_path / "audio.safetensors"


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Return the shapes of what is copied from the meta device, as zeros, to the CPU."""
    shapes, cpu, is_true = [], Tensor.cpu, Tensor.__bool__

    def copy(tensor: Tensor) -> Tensor:
        if not tensor.is_meta:
            return cpu(tensor)
        shapes.append(tuple(tensor.shape))
        return torch.zeros(tensor.shape, dtype=tensor.dtype)

    monkeypatch.setattr(Tensor, "cpu", copy)
    # transformers asks masks whether they are needed at all.
    monkeypatch.setattr(Tensor, "__bool__", lambda x: False if x.is_meta else is_true(x))
    return shapes


def test_text_is_encoded_on_its_device(roberta: Path, fetched: list[tuple[int, ...]]) -> None:
    assert TextEncoder(roberta, device="meta").encode(TEXTS).shape == (2, 12)
    assert fetched == [(2, 12)]


def test_pictures_are_encoded_on_their_device(
    densenet: Path, fetched: list[tuple[int, ...]]
) -> None:
    assert VisualEncoder(densenet, device="meta").encode(_pictures()).shape == (9,)
    assert fetched == [(9,)]


def test_sound_is_encoded_on_its_device(audio: Path, fetched: list[tuple[int, ...]]) -> None:
    assert load_encoder(audio, "meta").encode(_frames(3)).shape == (3, 6)
    assert fetched[-1] == (3, 6)  # after the order that the LSTM's sequences came in


def _trained(device: str) -> AudioEncoder:
    config = AudioTraining(hidden_dim=4, width=3, epochs=2)
    splits = np.array(["train"] * 6 + ["val"] * 2)
    labels = np.arange(8) % 2
    return train_encoder(_frames(8), labels, splits, config, lambda sentence: None, device)


@pytest.mark.usefixtures("fetched")
def test_audio_encoder_is_trained_on_its_device() -> None:
    assert {x.device.type for x in _trained("meta").state_dict().values()} == {"meta"}


@pytest.mark.usefixtures("fetched")
def test_encoders_of_a_run_are_loaded_onto_the_device(
    audio: Path,
    densenet: Path,
    roberta: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    places = {"text": str(roberta), "audio": str(audio), "visual": str(densenet)}
    encoders = {modality: {} for modality in places}
    record = {"format": FORMAT, "encoders": encoders, "libraries": {}}
    write_json(tmp_path / MANIFEST, record)
    # Weights without values are not those of the record.
    monkeypatch.setattr(recorded, "refuse_difference", lambda *_: None)
    loaded = recorded.load_encoders(tmp_path, [*places], places, print, "meta").ready
    modules = (loaded["text"].model, loaded["audio"], loaded["visual"].model)
    assert {x.device.type for module in modules for x in module.parameters()} == {"meta"}


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=on_cuda)])
def test_the_device_is_no_part_of_an_encoder(
    roberta: Path, densenet: Path, audio: Path, device: str
) -> None:
    def describe(device: str) -> Sequence[dict]:
        encoders = TextEncoder(roberta, device=device), VisualEncoder(densenet, device=device)
        return [encoder.describe() for encoder in (*encoders, load_encoder(audio, device))]

    assert describe(device) == describe("cpu")
    assert not any("device" in described for described in describe(device))


@pytest.mark.parametrize("device", [pytest.param("cuda", marks=on_cuda)])
def test_features_are_those_of_the_cpu(
    roberta: Path, densenet: Path, audio: Path, device: str
) -> None:
    def features(device: str) -> list[np.ndarray]:
        return [
            TextEncoder(roberta, device=device).encode(TEXTS),
            VisualEncoder(densenet, device=device).encode(_pictures()),
            load_encoder(audio, device).encode(_frames(3)),
        ]

    for found, expected in zip(features(device), features("cpu"), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-2)  # cuDNN computes in tf32


@pytest.mark.parametrize("device", [pytest.param("cuda", marks=on_cuda)])
def test_training_leaves_the_random_state_of_its_device(device: str) -> None:
    before = torch.cuda.get_rng_state()
    _trained(device)
    assert torch.equal(torch.cuda.get_rng_state(), before)
