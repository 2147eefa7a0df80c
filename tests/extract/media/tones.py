"""Recordings whose frames lie at chosen times: pure tones, and pictures of one colour."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from ariigcn_dgl.extract.media import SAMPLE_RATE

MILLISECOND = Fraction(1, 1000)


def tone(hertz: float, seconds: float, rate: int = SAMPLE_RATE) -> np.ndarray:
    """Return a tone, (samples,) int16; 0 Hz is silence."""
    time = np.arange(round(rate * seconds)) / rate
    return (9000 * np.sin(2 * np.pi * hertz * time)).astype(np.int16)


def pitch(sound: np.ndarray) -> float:
    """Return the loudest frequency, in Hz."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return float(np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE)[spectrum.argmax()])


def begins(sound: np.ndarray) -> float:
    """Return when sound is first loud, in seconds."""
    return float(np.argmax(np.abs(sound) > 0.1) / SAMPLE_RATE)


def write(
    path: Path,
    sounds: Sequence[tuple[float, np.ndarray]] = (),
    pictures: Sequence[tuple[float, int]] = (),
    rate: int = SAMPLE_RATE,
    layout: str = "mono",
    codec: str = "pcm_s16le",
) -> Path:
    """Write pieces of sound, and grey pictures, that begin at given seconds.

    Parameters
    ----------
    path : Path
    sounds : sequence of (float, (samples,) int16 array)
    pictures : sequence of (float, int)
        The second number is the grey, from 0 to 255.
    rate : int
        Of the sound.
    layout : str
        Its channels; all are the same.
    codec : str
        Of the sound.
    """
    import av

    packets = []
    with av.open(str(path), "w") as container:
        if pictures:
            video = container.add_stream("mpeg4", rate=1000, width=32, height=32)
            video.pix_fmt, video.time_base = "yuv420p", MILLISECOND
            video.codec_context.time_base = MILLISECOND
        if sounds:
            audio = container.add_stream(codec, rate=rate, layout=layout)
        for at, grey in pictures:
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), grey, np.uint8))
            frame.pts, frame.time_base = round(1000 * at), MILLISECOND
            packets += video.encode(frame)
        packets += video.encode() if pictures else []
        for at, samples in sounds:
            packets += _encoded(audio, samples, round(rate * at), rate, layout)
        packets += audio.encode() if sounds else []
        for packet in sorted(packets, key=lambda one: one.pts * one.time_base):
            container.mux(packet)
    return path


def _encoded(stream: object, samples: np.ndarray, at: int, rate: int, layout: str) -> list:
    import av

    packets, channels = [], len(av.AudioLayout(layout).channels)
    for first in range(0, len(samples), 1024):
        piece = np.repeat(samples[first : first + 1024], channels)[None]
        frame = av.AudioFrame.from_ndarray(piece, format="s16", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, at + first, Fraction(1, rate)
        packets += stream.encode(frame)
    return packets
