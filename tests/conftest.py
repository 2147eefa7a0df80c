"""What all tests need: tiny data sets, and what those of recordings share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings

from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.extract.densenet import DenseNet
from tests.plugin_packages import Packages

# A deadline would test the machine, and how busy it is.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

RATE, FPS, WIDTH, HEIGHT = 16_000, 10, 64, 48
SOUND_CODECS = {".wav": "pcm_s16le", ".webm": "libopus"}
PICTURE_CODECS = {".webm": "libvpx"}


@pytest.fixture
def tiny() -> Dialogues:
    """Three dialogues of 2, 1 and 3 utterances; d3_1 has no audio, d3_0 no label."""
    return Dialogues(
        name="tiny",
        features={
            "text": np.arange(18, dtype=np.float32).reshape(6, 3),
            "audio": np.array([[1, 2], [3, 4], [5, 6], [7, 8], [0, 0], [9, 1]], np.float32),
        },
        masks={
            "text": np.ones(6, np.bool_),
            "audio": np.array([True, True, True, True, False, True]),
        },
        labels=np.array([1, 0, 1, -1, 0, 1]),
        speakers=np.array([0, 1, 0, 1, 2, 1]),
        dialogue_ptr=np.array([0, 2, 3, 6]),
        dialogue_ids=("d1", "d2", "d3"),
        splits=("train", "val", "test"),
        utterance_ids=("d1_0", "d1_1", "d2_0", "d3_0", "d3_1", "d3_2"),
        label_names=("anger", "joy"),
        speaker_names=("Ann", "Bob", "Cem"),
    )


@pytest.fixture
def many(tiny: Dialogues) -> Dialogues:
    """Twenty one-utterance training dialogues, all different."""
    return replace(
        tiny,
        features={"text": np.arange(40, dtype=np.float32).reshape(20, 2)},
        masks={"text": np.ones(20, np.bool_)},
        labels=np.arange(20) % 2,
        speakers=np.arange(20) % 3,
        dialogue_ptr=np.arange(21),
        dialogue_ids=tuple(f"d{b}" for b in range(20)),
        splits=("train",) * 20,
        utterance_ids=tuple(f"u{b}" for b in range(20)),
    )


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Packages]:
    """Make packages of other people; what they add is forgotten after the test."""
    made = Packages(tmp_path / "packages", monkeypatch)
    yield made
    made.forget()


@pytest.fixture(scope="session")
def densenet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the random weights of a DenseNet of five layers, 9 features wide."""
    torch.manual_seed(0)
    model = DenseNet(4, (2, 1, 1, 1), num_init_features=8, num_classes=3)
    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d):  # with torch's own weights features would vanish
            torch.nn.init.kaiming_normal_(module.weight)
    path = tmp_path_factory.mktemp("densenet") / "tiny.pth"
    torch.save(model.state_dict(), path)
    return path


@pytest.fixture(scope="session")
def roberta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a random RoBERTa of two layers, 12 wide, whose tokens are bytes."""
    folder = tmp_path_factory.mktemp("roberta")
    # In a process of its own, so that this one meets transformers as a user's does.
    command = [sys.executable, Path(__file__).with_name("tiny_roberta.py"), folder]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def record() -> Callable[..., Path]:
    """Make a recording: for each (seconds, pitch in Hz, RGB) a buzz beside a moving square.

    The keywords `sound` and `pictures` leave one of them out.
    """

    def make(
        path: Path,
        scenes: Sequence[tuple[float, float, tuple[int, int, int]]],
        sound: bool = True,
        pictures: bool = True,
    ) -> Path:
        import av

        with av.open(str(path), "w") as container:
            if pictures:
                codec = PICTURE_CODECS.get(path.suffix, "libx264")
                video = container.add_stream(codec, rate=FPS, width=WIDTH, height=HEIGHT)
                video.pix_fmt = "yuv420p"
            if sound:
                audio = container.add_stream(SOUND_CODECS.get(path.suffix, "aac"), rate=RATE)
                audio.layout = "mono"
            if pictures:
                for frame in _pictures(scenes):
                    container.mux(video.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
                container.mux(video.encode())
            if sound:
                _write_sound(container, audio, _sound(scenes))
        return path

    return make


def _pictures(scenes: Sequence[tuple]) -> Iterator[np.ndarray]:
    for seconds, _, colour in scenes:
        for n in range(round(seconds * FPS)):
            frame = np.full((HEIGHT, WIDTH, 3), 16, np.uint8)
            frame[8:40, 4 + 2 * (n % 10) : 36 + 2 * (n % 10)] = colour
            yield frame


def _sound(scenes: Sequence[tuple]) -> np.ndarray:
    generator = np.random.default_rng(0)
    parts = []
    for seconds, pitch, _ in scenes:
        time = np.arange(round(seconds * RATE)) / RATE
        voice = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in (1, 2, 3, 4))
        syllables = 0.6 + 0.4 * np.sin(2 * np.pi * 4 * time)
        parts.append(0.2 * voice * syllables + 0.005 * generator.standard_normal(len(time)))
    return np.concatenate(parts).astype(np.float32)


def _write_sound(container: object, stream: object, sound: np.ndarray) -> None:
    import av

    samples = (sound.clip(-1, 1) * 32767).astype(np.int16)
    for start in range(0, len(samples), 1024):
        frame = av.AudioFrame.from_ndarray(
            samples[None, start : start + 1024], format="s16", layout="mono"
        )
        frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
        container.mux(stream.encode(frame))
    container.mux(stream.encode())
