"""The sound of a recording: every sample at its time."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.media.damage import Lost, spans_in_words
from ariigcn_dgl.extract.media.decoding import Decoding
from ariigcn_dgl.extract.media.recording import opened
from ariigcn_dgl.extract.media.refusing import pyav, raised, reason
from ariigcn_dgl.extract.media.tracks import choice, sound_track
from ariigcn_dgl.notes import Note

SAMPLE_RATE = 16_000  # Hz, of all sound after decoding
GAP = 0.1  # seconds; smaller ones between time stamps are their rounding
LONGEST = 48 * 3600.0  # seconds; more is the word of a damaged time stamp


@dataclass(frozen=True)
class Heard:
    """The sound of a recording.

    Parameters
    ----------
    samples : (samples,) float32 array
        One channel at `SAMPLE_RATE`; sample 0 is the beginning of the recording.
    lost : Lost
        Where it could not be decoded; the samples are silent there.
    """

    samples: np.ndarray
    lost: Lost

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / SAMPLE_RATE


def read_sound(
    path: Path, track: str | None = None, note: Note | None = None, skip_damaged: bool = False
) -> np.ndarray | None:
    """Return the sound of a recording, (samples,) float32 at `SAMPLE_RATE`, one channel.

    Sample 0 is the beginning of the recording. None where there is no sound. Gaps between time
    stamps are silent, as is what cannot be decoded.

    Parameters
    ----------
    path : Path
    track : str, optional
        Which of several sound tracks: its number, from 1, or its language; default: the one that
        is marked as default.
    note : callable, optional
        Gets sentences about the choice among tracks and about damage.
    skip_damaged : bool
        Go on where much is damaged.

    Raises
    ------
    InputError
        If the file cannot be decoded, or more than half a second of it in one place.
    """
    heard = hear(path, track, note)
    if heard is None:
        return None
    if (large := heard.lost.large) and not skip_damaged:
        raise InputError(
            f"{path}: the sound is damaged or truncated at {spans_in_words(large)} "
            f"({heard.lost.why}): mend the file, or hear the rest by --skip_damaged"
        )
    if note is not None and heard.lost.spans:
        note(f"{path}: {spans_in_words(heard.lost.spans)} of the sound is damaged; silent there")
    return heard.samples


def hear(path: Path, track: str | None = None, note: Note | None = None) -> Heard | None:
    """Return the sound of a recording and where it is damaged; arguments as of `read_sound`."""
    with opened(path) as recording:
        stream = sound_track(recording, track)
        if stream is None:
            return None
        sentence = choice(path, "sound", recording.sounds, stream)
        if sentence and note is not None:
            note(sentence)
        decoding, canvas = Decoding(recording, stream), _Canvas(path)
        for start, end, frame in decoding.frames():
            resume = decoding.lost.end(start)
            try:
                canvas.draw(frame, start, end, resume)
            except InputError:
                raise
            except raised() as error:
                canvas.leave()
                decoding.lost.begin(start, reason(error))
    return Heard(canvas.samples(), decoding.lost)


@dataclass
class _Run:
    """Frames of one format that follow each other, and the sample at which the next one goes."""

    form: tuple[str, str, int]
    end: int
    chunks: list[tuple[int, np.ndarray]]
    resampler: Any
    begun: bool = False

    def draw(self, frame: Any | None) -> None:
        """Resample a frame; None: what the resampler still holds."""
        for part in self.resampler.resample(frame) if frame is not None or self.begun else ():
            samples = part.to_ndarray()[0]
            self.chunks.append((self.end, samples))
            self.end += len(samples)
        self.begun = True


@dataclass
class _Canvas:
    """Puts frames where their time stamps say, each run of them through a resampler of its own."""

    path: Path
    chunks: list[tuple[int, np.ndarray]] = field(default_factory=list)
    run: _Run | None = None

    def draw(self, frame: Any, start: float, end: float, exact: bool) -> None:
        """Add a frame; `exact`: something was lost before it, so that only its time counts."""
        if end > LONGEST:
            raise InputError(
                f"{self.path}: the sound goes on for {end / 3600:.0f} hours by its time stamps, "
                f"expected {LONGEST / 3600:.0f} at most: damaged"
            )
        frame = _known_layout(frame)
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        if exact or self.run is None or self.run.form != form or self._apart(start, self.run.end):
            self.run = self._run(form, start, exact)
        self.run.draw(frame)

    @staticmethod
    def _apart(start: float, free: int) -> bool:
        return abs(start - free / SAMPLE_RATE) > GAP

    def _run(self, form: tuple[str, str, int], start: float, exact: bool) -> _Run:
        free = self.leave()
        follows = free is not None and not exact and not self._apart(start, free)
        at = free if free is not None and follows else round(start * SAMPLE_RATE)
        resampler = pyav().AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
        return _Run(form, at, self.chunks, resampler)

    def leave(self) -> int | None:
        """End the run; return the sample after the last one, None where nothing is."""
        if self.run is not None:
            self.run.draw(None)
        self.run = None
        return self.chunks[-1][0] + len(self.chunks[-1][1]) if self.chunks else None

    def samples(self) -> np.ndarray:
        """Return the whole; what lies before the beginning is left out."""
        self.leave()
        end = max((start + len(samples) for start, samples in self.chunks), default=0)
        whole = np.zeros(max(end, 0), np.float32)
        for start, samples in self.chunks:
            kept = samples[max(-start, 0) :]
            whole[max(start, 0) : max(start, 0) + len(kept)] = kept
        return whole


def _known_layout(frame: Any) -> Any:
    """Return a frame whose channels FFmpeg can mix: of unnamed ones, as of arrays, the mean."""
    if frame.layout.nb_channels <= 2 or not frame.layout.name.endswith("channels"):
        return frame
    values = frame.to_ndarray()
    values = values.reshape(-1, frame.layout.nb_channels).T if len(values) == 1 else values
    mean = values.mean(0, dtype=np.float64)
    if values.dtype.kind == "i":
        mean = mean / -float(np.iinfo(values.dtype).min)
    elif values.dtype.kind == "u":
        mean = mean / 128 - 1
    mixed = pyav().AudioFrame.from_ndarray(
        np.ascontiguousarray(mean[None], np.float32), format="flt", layout="mono"
    )
    mixed.sample_rate, mixed.pts, mixed.time_base = frame.sample_rate, frame.pts, frame.time_base
    return mixed
