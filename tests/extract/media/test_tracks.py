"""Which of several sound tracks is heard."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.log_mel import log_mel
from ariigcn_dgl.extract.media import pictures_at, read_sound
from ariigcn_dgl.extract.recordings import perceive
from ariigcn_dgl.extract.spoken import Spoken
from tests.extract.media.tones import pitch, tone, write

LISTED = r"1 \(fra\), 2 \(eng 'Director' default\), 3 \(deu\)"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a film in French (440 Hz), English (880 Hz, the default) and German (1760 Hz)."""
    path = tmp_path_factory.mktemp("tracks") / "film.mkv"
    return _tracks(path, [("fra", 440), ("eng", 880), ("deu", 1760)], default="eng")


def _tracks(path: Path, tracks: Sequence[tuple[str, int]], default: str) -> Path:
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("pcm_s16le", rate=16000, layout="mono") for _ in tracks]
        for stream, (language, _) in zip(streams, tracks, strict=True):
            stream.metadata["language"] = language
            is_default = language == default
            stream.disposition = Disposition.default if is_default else Disposition(0)
            stream.metadata["title"] = "Director" if is_default else ""
        for stream, (_, hertz) in zip(streams, tracks, strict=True):
            frame = av.AudioFrame.from_ndarray(tone(hertz, 1)[None], format="s16", layout="mono")
            frame.sample_rate, frame.pts = 16000, 0
            for packet in [*stream.encode(frame), *stream.encode(None)]:
                container.mux(packet)
    return path


@pytest.mark.parametrize(
    ("track", "hertz"),
    [(None, 880), ("1", 440), ("2", 880), ("3", 1760), ("fra", 440), ("DEU", 1760)],
)
def test_track_is_the_default_or_the_chosen_one(film: Path, track: str | None, hertz: int) -> None:
    assert pitch(read_sound(film, track)) == pytest.approx(hertz, abs=2)


@pytest.mark.parametrize("track", ["0", "4", "jpn", ""])
def test_track_that_is_not_there_is_named(film: Path, track: str) -> None:
    with pytest.raises(
        InputError, match=rf"film\.mkv: has no sound track '{track}', only {LISTED}"
    ):
        read_sound(film, track)


def test_tracks_and_the_one_that_is_heard_are_told(film: Path, notes: list[str]) -> None:
    spoken = [Spoken(film, "d", "d_0", "Ann", 0.0, 1.0, "hi")]
    (one,) = perceive(film, spoken, log_mel, None, notes.append, track="deu")
    (other,) = perceive(film, spoken, log_mel, None, notes.append, track="3")
    assert np.array_equal(one.heard, other.heard)
    assert notes == [notes[0]] * 2
    assert notes[0].startswith(f"{film}: has 3 sound tracks: 1 (fra), 2 (eng 'Director' default)")
    assert notes[0].endswith("track 3 is heard; --track takes another")


def test_of_one_track_nothing_is_told(tmp_path: Path, notes: list[str]) -> None:
    read_sound(write(tmp_path / "a.wav", [(0.0, tone(440, 1))]), note=notes.append)
    assert notes == []


def test_pictures_are_those_of_the_default_stream(tmp_path: Path, notes: list[str]) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("mpeg4", rate=5, width=32, height=32) for _ in range(2)]
        for stream in streams:
            stream.pix_fmt = "yuv420p"
        streams[0].disposition, streams[1].disposition = Disposition(0), Disposition.default
        for stream, grey in zip(streams, (40, 200), strict=True):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), grey, np.uint8))
            frame.pts = 0
            for packet in [*stream.encode(frame), *stream.encode()]:
                container.mux(packet)
    (picture,) = pictures_at(path, [0.0], notes.append)
    assert picture.mean() == pytest.approx(200, abs=5)
    assert notes == [
        f"{path}: has 2 picture tracks: 1 (of no language), 2 (default); track 2 is seen"
    ]
