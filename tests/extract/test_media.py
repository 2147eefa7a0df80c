"""Sound and pictures of real files, at the right times."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.media import SAMPLE_RATE, Streams, pictures_at, probe, read_sound
from tests.extract.media.tones import pitch

RED, GREEN, BLUE = (200, 30, 30), (30, 200, 30), (30, 30, 200)
SCENES = [(1.0, 200.0, RED), (1.0, 400.0, GREEN), (1.0, 800.0, BLUE)]


@pytest.fixture(scope="module")
def film(record: Callable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return three seconds: red and low, green and higher, blue and high."""
    return record(tmp_path_factory.mktemp("media") / "film.mp4", SCENES)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm", "a.ts", "a.wav"])
def test_sound_is_that_of_its_time(record: Callable, tmp_path: Path, name: str) -> None:
    path = record(tmp_path / name, SCENES, pictures=name != "a.wav")
    sound = read_sound(path)
    assert sound.dtype == np.float32
    assert len(sound) == pytest.approx(3 * SAMPLE_RATE, abs=0.15 * SAMPLE_RATE)
    for second, hertz in enumerate((200.0, 400.0, 800.0)):
        middle = sound[int((second + 0.25) * SAMPLE_RATE) : int((second + 0.75) * SAMPLE_RATE)]
        assert pitch(middle) == pytest.approx(hertz, abs=5)
    change = sound[int(0.9 * SAMPLE_RATE) : int(0.97 * SAMPLE_RATE)]
    assert pitch(change) == pytest.approx(200.0, abs=15)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm", "a.ts"])
def test_pictures_are_those_of_their_time(record: Callable, tmp_path: Path, name: str) -> None:
    path = record(tmp_path / name, SCENES)
    times = [0.0, 0.5, 0.5, 0.9, 1.1, 1.5, 2.1, 2.9]
    expected = [RED, RED, RED, RED, GREEN, GREEN, BLUE, BLUE]
    for picture, colour in zip(pictures_at(path, times), expected, strict=True):
        assert picture.shape == (48, 64, 3)
        assert picture.dtype == np.uint8
        assert np.abs(picture[24, 30].astype(int) - colour).max() < 40


def test_pictures_end_with_the_film(film: Path) -> None:
    found = list(pictures_at(film, [2.95, 3.05, 100.0]))
    assert [picture is None for picture in found] == [False, True, True]


def test_streams_are_told(record: Callable, film: Path, tmp_path: Path) -> None:
    silent = record(tmp_path / "silent.mp4", SCENES, sound=False)
    voice = record(tmp_path / "voice.wav", SCENES, pictures=False)
    assert probe(film) == Streams(True, True, pytest.approx(3, abs=0.15))
    assert probe(silent) == Streams(False, True, pytest.approx(3, abs=0.15))
    assert probe(voice) == Streams(True, False, pytest.approx(3, abs=0.01))
    assert read_sound(silent) is None
    assert list(pictures_at(voice, [0.0, 1.0])) == [None, None]


@pytest.mark.parametrize("content", [b"", b"not a film", bytes(1000), b"\xff" * 5000])
@pytest.mark.parametrize("read", [probe, read_sound, lambda path: list(pictures_at(path, [0.0]))])
def test_what_is_no_recording_is_one_sentence(
    tmp_path: Path, content: bytes, read: Callable
) -> None:
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.mp4: cannot be decoded: [^\n]+$"):
        read(tmp_path / "a.mp4")


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"b\.mp4: no such file"):
        probe(tmp_path / "b.mp4")


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_truncated_recording_is_refused_or_shorter(
    record: Callable, tmp_path: Path, name: str, keep: float
) -> None:
    path = record(tmp_path / name, SCENES)
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])
    found = _outcome(lambda: (read_sound(path), list(pictures_at(path, [0.0, 2.9]))))
    if isinstance(found, InputError):
        assert str(found).startswith(f"{path}: ")
        assert "\n" not in str(found)
    else:
        sound, shown = found
        assert sound is None or len(sound) < 3.2 * SAMPLE_RATE
        assert len(shown) == 2


def _outcome(call: Callable[[], object]) -> object:
    try:
        return call()
    except InputError as error:
        return error


def test_damaged_recording_is_refused_or_read(film: Path, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    for number in range(10):
        content = bytearray(film.read_bytes())
        at = generator.integers(0, len(content), 40)
        for place in at:
            content[place] = int(generator.integers(256))
        path = tmp_path / f"{number}.mp4"
        path.write_bytes(content)
        found = _outcome(lambda: (read_sound(path), list(pictures_at(path, [0.0, 1.5, 2.9]))))  # noqa: B023
        assert not isinstance(found, InputError) or "\n" not in str(found)
