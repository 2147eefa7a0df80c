"""A recording that is open: its streams, where it begins, and when it says that it ends."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.media.refusing import pyav, refusing

# Formats whose header says how long they are. Of others FFmpeg estimates it, from the bit rate.
_STATES_ITS_LENGTH = {
    *("mov", "mp4", "matroska", "webm", "avi", "asf", "flv"),
    *("flac", "wav", "w64", "aiff", "caf"),
}

# What FFmpeg reads that is no recording: lists of files, also on other machines, and plain text.
_NO_RECORDINGS = {"hls", "dash", "concat", "sdp", "rtsp", "rtp", "sap", "imf", "image2", "tty"}


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


@dataclass(frozen=True)
class Recording:
    """An open file.

    Parameters
    ----------
    path : Path
    container : av.container.InputContainer
    """

    path: Path
    container: Any

    @property
    def sounds(self) -> list[Any]:
        """Its sound tracks."""
        return list(self.container.streams.audio)

    @property
    def pictures(self) -> list[Any]:
        """Its streams of pictures, without album art."""
        art = pyav().stream.Disposition.attached_pic
        return [stream for stream in self.container.streams.video if not stream.disposition & art]

    @property
    def origin(self) -> float:
        """Time stamp of the beginning, in seconds; MPEG streams do not start at 0."""
        return (self.container.start_time or 0) / pyav().time_base

    @property
    def seconds(self) -> float | None:
        """How long it is by its own word or FFmpeg's estimate; None: it says nothing."""
        duration = self.container.duration
        if duration is None or duration < 0:
            return None
        # Matroska's length counts from the time stamp 0.
        before = max(self.origin, 0.0) if "matroska" in self._formats else 0.0
        return max(duration / pyav().time_base - before, 0.0)

    @property
    def stated(self) -> float:
        """How long it is by its own word alone; infinity: it says nothing."""
        states = _STATES_ITS_LENGTH & self._formats
        return self.seconds if states and self.seconds is not None else math.inf

    @property
    def _formats(self) -> set[str]:
        return set(self.container.format.name.split(","))


@contextmanager
def opened(path: Path) -> Iterator[Recording]:
    """Open a recording.

    Raises
    ------
    InputError
        If there is no such file or it is no recording; and instead of what PyAV raises within.
    """
    if not os.path.isfile(path):
        raise InputError(f"{path}: no such file")
    av, name = pyav(), os.path.abspath(path)  # FFmpeg would take "part1:a.mp4" for an address
    with (
        refusing(path, "cannot be decoded"),
        av.open(name, metadata_errors="replace", options=_options()) as container,
    ):
        yield Recording(path, container)


def _options() -> dict[str, str]:
    formats = sorted(pyav().formats_available - _NO_RECORDINGS)
    return {"protocol_whitelist": "file", "format_whitelist": ",".join(formats)}


def probe(path: Path) -> Streams:
    """Return what a recording holds.

    Raises
    ------
    InputError
        If there is no such file, it is no recording, or it holds neither.
    """
    with opened(path) as recording:
        found = Streams(bool(recording.sounds), bool(recording.pictures), recording.seconds)
    if not found.sound and not found.pictures:
        raise InputError(f"{path}: holds neither sound nor pictures")
    return found
