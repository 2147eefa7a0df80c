"""Decode sound and pictures of a recording, by PyAV."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.optional import require

SAMPLE_RATE = 16_000  # Hz, of all sound after decoding
SUFFIXES = (
    *(".mp4", ".mkv", ".webm", ".mov", ".avi", ".m4v", ".mpg", ".ts"),
    *(".wav", ".mp3", ".m4a", ".flac", ".ogg", ".opus"),
)


@dataclass(frozen=True)
class Streams:
    """What a recording holds; album art does not count as pictures.

    Parameters
    ----------
    sound, pictures : bool
    seconds : float or None
        Length by the file's own word, None where it says nothing.
    """

    sound: bool
    pictures: bool
    seconds: float | None


def probe(path: Path) -> Streams:
    """Return what a recording holds.

    Raises
    ------
    InputError
        If there is no such file, it is no recording, or it holds neither.
    """
    av = _av()
    with _opened(av, path) as container:
        seconds = None if container.duration is None else container.duration / av.time_base
        found = Streams(bool(container.streams.audio), bool(_videos(av, container)), seconds)
    if not found.sound and not found.pictures:
        raise InputError(f"{path}: holds neither sound nor pictures")
    return found


def read_sound(path: Path) -> np.ndarray | None:
    """Return the sound of a recording, (samples,) float32 at `SAMPLE_RATE`, one channel.

    Sample 0 is the beginning of the recording. None where there is no sound.

    Raises
    ------
    InputError
        If the file cannot be decoded.
    """
    av = _av()
    with _opened(av, path) as container:
        if not container.streams.audio:
            return None
        resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
        origin, chunks, first = _origin(av, container), [], None
        for frame in _decoded(av, container, container.streams.audio[0], path):
            first = frame.time - origin if first is None and frame.time is not None else first
            chunks += [part.to_ndarray()[0] for part in resampler.resample(frame)]
        chunks += [part.to_ndarray()[0] for part in resampler.resample(None)] if chunks else []
    sound = np.concatenate([np.empty(0, np.float32), *chunks])
    offset = round((first or 0.0) * SAMPLE_RATE)
    return sound[-offset:] if offset < 0 else np.concatenate([np.zeros(offset, np.float32), sound])


def pictures_at(path: Path, times: Sequence[float]) -> Iterator[np.ndarray | None]:
    """Yield the picture that is shown at each time, (H, W, 3) uint8 RGB.

    None once the pictures have ended, and always where there are none.

    Parameters
    ----------
    path : Path
    times : sequence of float
        Seconds, not decreasing.

    Raises
    ------
    InputError
        If the file cannot be decoded.
    """
    av = _av()
    with _opened(av, path) as container:
        streams = _videos(av, container)
        frames = _timed(av, container, streams[0], path) if streams else iter(())
        shown, upcoming = None, next(frames, None)
        for time in times:
            while upcoming is not None and (shown is None or upcoming[0] <= time):
                shown, upcoming = upcoming, next(frames, None)
            if shown is None or (upcoming is None and time >= shown[1]):
                yield None
            else:
                yield _upright(shown[2])


def _av() -> ModuleType:
    return require("av", "extract")


@contextmanager
def _opened(av: ModuleType, path: Path) -> Iterator[Any]:
    if not os.path.isfile(path):
        raise InputError(f"{path}: no such file")
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            yield container
    except av.FFmpegError as error:
        raise InputError(
            f"{path}: cannot be decoded: {error.strerror}; damaged, truncated, or no recording"
        ) from error


def _videos(av: ModuleType, container: Any) -> list[Any]:
    picture = av.stream.Disposition.attached_pic
    return [stream for stream in container.streams.video if not stream.disposition & picture]


def _upright(frame: Any) -> np.ndarray:
    """Return a picture turned as players show it: telephones store theirs lying on the side."""
    return np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90))


def _origin(av: ModuleType, container: Any) -> float:
    """Return the time stamp of the beginning, in seconds; MPEG streams do not start at 0."""
    return (container.start_time or 0) / av.time_base


def _decoded(av: ModuleType, container: Any, stream: Any, path: Path) -> Iterator[Any]:
    stream.thread_type = "AUTO"
    reached = 0.0
    try:
        for frame in container.decode(stream):
            reached = reached if frame.time is None else frame.time
            yield frame
    except av.FFmpegError as error:
        raise InputError(
            f"{path}: the {stream.type} is damaged or truncated at {reached:.1f} s "
            f"({error.strerror})"
        ) from error


def _timed(
    av: ModuleType, container: Any, stream: Any, path: Path
) -> Iterator[tuple[float, float, Any]]:
    """Yield from when to when each picture is shown, in seconds, and the picture."""
    origin = _origin(av, container)
    usual = float(1 / stream.average_rate) if stream.average_rate else 0.04
    for number, frame in enumerate(_decoded(av, container, stream, path)):
        time = number * usual if frame.time is None else frame.time - origin
        length = float((frame.duration or 0) * (stream.time_base or 0))
        yield time, time + max(length, usual), frame
