"""Text, visual and audio encoders: what they compute, and bad files of them."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.audio import AudioEncoder, load_encoder, save_encoder
from ariigcn_dgl.extract.audio_training import AudioTraining, train_encoder
from ariigcn_dgl.extract.densenet import DenseNet
from ariigcn_dgl.extract.log_mel import HOP, MELS, WINDOW, log_mel
from ariigcn_dgl.extract.media import SAMPLE_RATE
from ariigcn_dgl.extract.text import TextEncoder
from ariigcn_dgl.extract.visual import CROP, VisualEncoder
from tests.extract.test_densenet import PUBLISHED

TEXTS = ["Hello!", "How are you, my dear friend?", "x", "Fine.", "\u266a la la \u266a"]
LAYER = "features.denseblock1.denselayer1"


@pytest.fixture
def copy(roberta: Path, tmp_path: Path) -> Path:
    """Return a copy of the text encoder, to damage."""
    return Path(shutil.copytree(roberta, tmp_path / "copy"))


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@torch.inference_mode()
def test_text_is_what_transformers_computes_of_each_alone(roberta: Path, pooling: str) -> None:
    found = TextEncoder(roberta, pooling).encode(TEXTS)  # first: transformers as a user's
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(roberta), AutoModel.from_pretrained(roberta)
    for text, row in zip(TEXTS, found, strict=True):
        tokens = tokenizer(text, return_tensors="pt")
        states = model.eval()(**tokens, output_hidden_states=True).hidden_states
        expected = (
            states[-1][0].mean(0) if pooling == "mean" else torch.stack(states)[:, 0, 0].mean(0)
        )
        np.testing.assert_allclose(row, expected, atol=1e-5)


def test_long_text_is_cut_to_what_the_encoder_takes(roberta: Path) -> None:
    encoder = TextEncoder(roberta)
    assert encoder.max_tokens == 64
    same, cut = encoder.encoded(["ab" * 31, "ab" * 31 + " and more that is not read", "ab"])
    np.testing.assert_allclose(same[0], same[1], atol=1e-6)
    assert cut == [1]  # the first one fills what is read to its last token


def test_revision_of_a_snapshot_is_recorded(roberta: Path, tmp_path: Path) -> None:
    revision = "0123456789abcdef" * 2 + "01234567"
    folder = shutil.copytree(roberta, tmp_path / "hub" / "snapshots" / revision)
    described = TextEncoder(folder).describe()
    assert described["revision"] == revision
    assert described["weights_sha256"] == TextEncoder(roberta).describe()["weights_sha256"]


def test_other_weights_or_words_have_another_hash(copy: Path, roberta: Path) -> None:
    expected = TextEncoder(roberta).describe()["weights_sha256"]
    content = json.loads((copy / "tokenizer.json").read_text())
    vocabulary = content["model"]["vocab"]
    vocabulary["a"], vocabulary["b"] = vocabulary["b"], vocabulary["a"]
    (copy / "tokenizer.json").write_text(json.dumps(content))
    assert TextEncoder(copy).describe()["weights_sha256"] != expected


def test_weights_that_lack_a_layer_are_refused(copy: Path) -> None:
    weights = load_file(copy / "model.safetensors")
    del weights["encoder.layer.1.output.dense.weight"]
    save_file(weights, copy / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match=r"copy: the weights lack encoder\.layer\.1\.output"):
        TextEncoder(copy)


def test_pooler_that_a_checkpoint_lacks_does_not_matter(copy: Path, roberta: Path) -> None:
    assert not any(name.startswith("pooler") for name in load_file(copy / "model.safetensors"))
    one, other = TextEncoder(copy), TextEncoder(roberta)
    assert one.describe()["weights_sha256"] == other.describe()["weights_sha256"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", b"{"),
        ("config.json", b'{"model_type": "nonsense"}'),
        ("model.safetensors", b"not weights"),
        ("model.safetensors", None),
        ("tokenizer.json", b"{"),
    ],
)
def test_damaged_folder_of_a_text_encoder_is_named(
    copy: Path, name: str, content: bytes | None
) -> None:
    if content is None:
        (copy / name).unlink()
    else:
        (copy / name).write_bytes(content)
    with pytest.raises(InputError, match=r"copy: not a complete encoder with tokenizer: [^\n]+$"):
        TextEncoder(copy)


def test_folder_without_an_encoder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no config\.json, expected the folder of an encoder"):
        TextEncoder(tmp_path)


def test_missing_library_is_one_sentence(roberta: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ariigcn_dgl.optional.is_installed", lambda name: False)
    with pytest.raises(InputError, match=r'needs transformers, .* install "ariigcn_dgl\[text\]"'):
        TextEncoder(roberta)


def test_library_of_another_torch_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from ariigcn_dgl import optional

    def broken(name: str) -> ModuleType:
        raise RuntimeError(f"operator {name}::nms\n does not exist")

    monkeypatch.setattr(optional, "import_quietly", broken)
    with pytest.raises(
        InputError, match=r"av [\d.]+ is installed but does not run beside torch .* \(operator av"
    ):
        optional.require("av", "extract")


def _pictures(count: int) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    return [generator.integers(0, 256, (48, 64, 3)).astype(np.uint8) for _ in range(count)]


@torch.inference_mode()
def test_pictures_become_the_mean_of_their_pooled_maps(densenet: Path) -> None:
    model = DenseNet(4, (2, 1, 1, 1), num_init_features=8, num_classes=3).eval()
    model.load_state_dict(torch.load(densenet, weights_only=True))
    encoder = VisualEncoder(densenet)
    prepared = [encoder.prepare(picture) for picture in _pictures(3)]
    pooled = [model(one[None])[0].mean((1, 2)) for one in prepared]
    np.testing.assert_allclose(encoder.encode(prepared), torch.stack(pooled).mean(0), atol=1e-5)


@pytest.mark.parametrize("size", [(48, 64), (64, 48), (500, 300), (1, 400), (224, 224)])
def test_pictures_of_any_size_become_the_square_in_the_middle(
    densenet: Path, size: tuple[int, int]
) -> None:
    picture = np.full((*size, 3), (124, 116, 104), np.uint8)  # ImageNet's mean colour
    prepared = VisualEncoder(densenet).prepare(picture)
    assert prepared.shape == (3, CROP, CROP)
    assert prepared.abs().max() < 0.02


def test_times_are_the_middles_of_equal_parts(densenet: Path) -> None:
    encoder = VisualEncoder(densenet, pictures=4)
    assert encoder.times(1.0, 3.0) == [1.25, 1.75, 2.25, 2.75]
    assert encoder.times(1.0, 1.0) == [1.0]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "width"), [("densenet121", 1024), ("densenet161", 2208)])
def test_published_size_is_recognised(name: str, width: int, tmp_path: Path) -> None:
    model = DenseNet(*PUBLISHED[name])
    save_file(model.state_dict(), tmp_path / "weights.safetensors")
    assert VisualEncoder(tmp_path / "weights.safetensors").width == width


def test_hash_is_that_of_the_names_and_values_of_the_file(densenet: Path) -> None:
    digest = hashlib.sha256()
    for name, x in sorted(torch.load(densenet, weights_only=True).items()):
        digest.update(f"{name} {x.dtype} {tuple(x.shape)}\n".encode() + x.numpy().tobytes())
    assert VisualEncoder(densenet).describe()["weights_sha256"] == digest.hexdigest()


def test_old_names_of_layers_are_read(densenet: Path, tmp_path: Path) -> None:
    weights = torch.load(densenet, weights_only=True)
    for name in list(weights):
        for part in ("norm", "conv"):
            for number in "12":
                new = name.replace(f"{part}{number}.", f"{part}.{number}.")
                if "denselayer" in name and new != name:
                    weights[new] = weights.pop(name)
    assert any(".norm.1.weight" in name for name in weights)
    torch.save(weights, tmp_path / "old.pth")
    one, other = VisualEncoder(tmp_path / "old.pth"), VisualEncoder(densenet)
    assert one.describe()["weights_sha256"] == other.describe()["weights_sha256"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "not a state dict: damaged"),
        (b"PK\x03\x04", "not a state dict: damaged"),
        ({"a": torch.ones(2)}, "not the state dict of a torchvision DenseNet"),
        ({f"{LAYER}.conv2.weight": torch.tensor(1.0)}, "not the state dict of a torchvision D"),
        ({f"{LAYER}.conv2.weight": torch.ones(0, 1)}, "not the state dict of a torchvision D"),
        ({"a": 1}, "not a state dict of tensors, expected that of a DenseNet"),
        ({1: torch.ones(1)}, "not a state dict of tensors, expected that of a DenseNet"),
        (torch.nn.Linear(1, 1), "not a state dict: damaged, or holds more than tensors"),
    ],
)
def test_what_is_no_densenet_is_named(tmp_path: Path, content: object, sentence: str) -> None:
    path = tmp_path / "w.pth"
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    with pytest.raises(InputError, match=rf"w\.pth: {sentence}"):
        VisualEncoder(path)


def _tone(seconds: float, pitch: float, loudness: float = 0.3) -> np.ndarray:
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (loudness * np.sin(2 * np.pi * pitch * time)).astype(np.float32)


def test_log_mel_of_a_tone_is_loudest_in_its_band() -> None:
    low, high = (log_mel(_tone(1.0, pitch)) for pitch in (200.0, 4000.0))
    assert low.shape == (1 + (SAMPLE_RATE - WINDOW) // HOP, MELS)
    assert low.dtype == np.float32
    assert (low.argmax(1) < 10).all()
    assert (high.argmax(1) > 40).all()


def test_silence_is_finite_and_what_is_too_short_is_nothing() -> None:
    assert np.isfinite(log_mel(np.zeros(SAMPLE_RATE, np.float32))).all()
    assert log_mel(np.zeros(WINDOW - 1, np.float32)) is None
    assert log_mel(np.zeros(WINDOW, np.float32)).shape == (1, MELS)
    assert len(log_mel(np.zeros(40 * SAMPLE_RATE, np.float32))) == len(
        log_mel(np.zeros(30 * SAMPLE_RATE, np.float32))
    )


def test_sound_does_not_depend_on_its_company() -> None:
    encoder = AudioEncoder(8, 5)
    generator = np.random.default_rng(0)
    frames = [generator.standard_normal((n, MELS)).astype(np.float32) for n in (40, 3, 17, 1)]
    together = encoder.encode(frames)
    alone = np.concatenate([encoder.encode([one]) for one in frames])
    np.testing.assert_allclose(together, alone, atol=1e-6)


def _spoken(count: int) -> tuple[list[np.ndarray | None], np.ndarray, np.ndarray]:
    labels = np.arange(count) % 2
    pitches = np.where(labels, 900.0, 150.0) * np.random.default_rng(0).uniform(0.8, 1.2, count)
    frames = [log_mel(_tone(0.2, pitch)) for pitch in pitches]
    return frames, labels, np.where(np.arange(count) < count - 8, "train", "val")


@pytest.mark.slow
def test_trained_encoder_tells_classes_and_is_repeatable() -> None:
    frames, labels, splits = _spoken(40)
    frames[3], labels[5] = None, -1
    notes: list[str] = []
    config = AudioTraining(hidden_dim=8, width=5, epochs=25, learning_rate=0.01)
    before = torch.random.get_rng_state()
    one = train_encoder(frames, labels, splits, config, notes.append)
    assert torch.equal(torch.random.get_rng_state(), before)
    other = train_encoder(frames, labels, splits, config, notes.append)
    assert one.describe() == other.describe()
    assert notes[0].startswith(
        "audio encoder: trained on 30 utterances, weighted F1 100.0 on the 8"
    )
    features = one.encode([x for x in frames[-8:] if x is not None])
    distance = np.linalg.norm(features[:, None] - features[None], axis=-1)
    same = labels[-8:, None] == labels[None, -8:]
    assert distance[same].max() < distance[~same].min()


def test_the_test_split_is_never_used() -> None:
    frames, labels, splits = _spoken(24)
    config = AudioTraining(hidden_dim=4, width=3, epochs=2)
    held_out = np.where(np.arange(24) % 6 == 5, "test", splits)
    quiet: Callable[[str], None] = lambda sentence: None  # noqa: E731
    one = train_encoder(frames, labels, held_out, config, quiet)
    flipped = np.where(held_out == "test", 1 - labels, labels)
    other = train_encoder(frames, flipped, held_out, config, quiet)
    assert one.describe() == other.describe()


def test_nothing_to_learn_from_is_named() -> None:
    frames, labels, splits = _spoken(24)
    for wrong in (np.zeros(24, int), np.where(splits == "val", -1, labels)):
        with pytest.raises(InputError, match=r"--audio train: \d+ labelled .* and \d in val, exp"):
            train_encoder(frames, wrong, splits, AudioTraining(), lambda sentence: None)


def test_written_audio_encoder_is_read_back(tmp_path: Path) -> None:
    encoder = AudioEncoder(8, 5)
    save_encoder(encoder, tmp_path / "a.safetensors")
    assert load_encoder(tmp_path / "a.safetensors").describe() == encoder.describe()


def test_what_is_no_audio_encoder_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"abc")
    with pytest.raises(InputError, match="cannot be read as an audio encoder"):
        load_encoder(path)
    save_file({"x": torch.ones(1)}, path)
    with pytest.raises(InputError, match="not an audio encoder: expected a file that ariigcn ext"):
        load_encoder(path)
    save_encoder(AudioEncoder(8, 5), path)
    weights = load_file(path)
    save_file(
        weights, path, {"ariigcn-audio-encoder-1": json.dumps({"frames": {"sample_rate": 8000}})}
    )
    with pytest.raises(InputError, match="made for other log-mel frames"):
        load_encoder(path)
