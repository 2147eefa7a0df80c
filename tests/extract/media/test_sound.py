"""Sound of every format, also of one that changes half-way."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.media import SAMPLE_RATE, probe, read_sound
from tests.extract.media.tones import pitch, tone, write


@pytest.mark.parametrize(("rate", "layout"), [(44100, "mono"), (48000, "mono"), (44100, "stereo")])
def test_format_that_changes_is_heard_whole(tmp_path: Path, rate: int, layout: str) -> None:
    first = write(
        tmp_path / "a.ts", [(0.0, tone(440, 2, 48000))], rate=48000, layout="stereo", codec="aac"
    )
    second = write(tmp_path / "b.ts", [(0.0, tone(880, 2, rate))], (), rate, layout, "aac")
    joined = tmp_path / "joined.ts"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    sound = read_sound(joined)
    assert len(sound) == pytest.approx(4 * SAMPLE_RATE, abs=0.3 * SAMPLE_RATE)
    assert pitch(sound[4000:28000]) == pytest.approx(440, abs=5)
    assert pitch(sound[-28000:-4000]) == pytest.approx(880, abs=5)
    assert (np.abs(sound[:60_000]).reshape(-1, 800).max(1) > 0.1).all()  # no hole between them


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.aac", "aac"), ("a.aiff", "pcm_s16be"), ("a.flv", "libmp3lame")],
)
def test_other_formats_are_heard(tmp_path: Path, name: str, codec: str) -> None:
    sound = read_sound(
        write(tmp_path / name, [(0.0, tone(500, 1, 44100))], rate=44100, codec=codec)
    )
    assert len(sound) == pytest.approx(SAMPLE_RATE, abs=0.15 * SAMPLE_RATE)
    assert pitch(sound) == pytest.approx(500, abs=3)


@pytest.mark.parametrize("width", [1, 2, 4])
def test_channels_without_names_are_heard(tmp_path: Path, width: int) -> None:
    """An array of ten microphones, all but one of which are dead."""
    path = tmp_path / "array.wav"
    values = np.zeros((SAMPLE_RATE, 10))
    values[:, 3] = tone(500, 1) / 2**15
    if width == 1:
        samples = (values * 128 + 128).astype(np.uint8)
    else:
        samples = (values * 2 ** (8 * width - 1)).astype(f"<i{width}")
    with wave.open(str(path), "wb") as file:
        file.setparams((10, width, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    sound = read_sound(path)
    assert pitch(sound) == pytest.approx(500, abs=3)
    assert np.abs(sound).max() == pytest.approx(9000 / 2**15 / 10, abs=1 / 256)


def test_name_may_look_like_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(write(tmp_path / "season1:part2.wav", [(0.0, tone(500, 1))]).parent)
    assert probe(Path("season1:part2.wav")).sound


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n"),
        ("a.ffconcat", "ffconcat version 1.0\nfile b.wav\n"),
        ("a.txt", "Ann: Hi\n"),
    ],
)
def test_list_of_recordings_and_text_are_none(tmp_path: Path, name: str, text: str) -> None:
    write(tmp_path / "b.wav", [(0.0, tone(500, 1))])
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=rf"{name}: cannot be decoded: "):
        probe(tmp_path / name)
