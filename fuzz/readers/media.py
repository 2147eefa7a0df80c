"""Sound and video files, which PyAV decodes."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ariigcn_dgl.extract.media import pictures_at, probe, read_sound
from fuzz.readers.reader import Reader, Seed
from fuzz.target import Case

RATE = 16_000


class Media(Reader):
    """Containers of sound, of pictures and of both, of half a second."""

    name = "media"

    def good(self) -> list[Seed]:
        """Encode the recordings."""
        sounds = {"a.wav": "pcm_s16le", "a.flac": "flac", "a.mp3": "libmp3lame"}
        videos = {"a.mkv": "mpeg4", "a.avi": "mjpeg"}
        films = {"b.mp4": "aac", "b.mkv": "aac", "b.ts": "mp2", "b.avi": "libmp3lame"}
        made = {name: _sound(name, codec) for name, codec in sounds.items()}
        made |= {name: _video(name, codec) for name, codec in videos.items()}
        made |= {name: _video(name, "mpeg4", codec) for name, codec in films.items()}
        return [Seed(name, {name: content}) for name, content in made.items()]

    def run(self, case: Case, folder: Path) -> None:
        """Ask what is in it, and read sound and pictures."""
        (name,) = case.files
        probe(folder / name)
        read_sound(folder / name, skip_damaged=case.words.endswith("damaged"))
        for _ in pictures_at(folder / name, [0.0, 0.2, 0.5, 100.0]):
            pass


def _sound(name: str, codec: str) -> bytes:
    import av

    buffer = io.BytesIO()
    with av.open(buffer, "w", format=_format(name)) as container:
        _mux_sound(container, container.add_stream(codec, rate=RATE, layout="mono"))
    return buffer.getvalue()


def _mux_sound(container: Any, stream: Any) -> None:
    import av

    samples = (np.sin(np.arange(RATE // 4) / 20) * 9000).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
    for packet in (*stream.encode(frame), *stream.encode()):
        container.mux(packet)


def _video(name: str, codec: str, sound: str | None = None) -> bytes:
    import av

    buffer = io.BytesIO()
    with av.open(buffer, "w", format=_format(name)) as container:
        stream = container.add_stream(codec, rate=10, width=64, height=48)
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        audio = container.add_stream(sound, rate=RATE, layout="mono") if sound else None
        for n in range(6):
            pixels = np.full((48, 64, 3), 40 * n, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
        if audio is not None:
            _mux_sound(container, audio)
    return buffer.getvalue()


def _format(name: str) -> str:
    ending = Path(name).suffix[1:]
    return {"mkv": "matroska", "ts": "mpegts"}.get(ending, ending)
