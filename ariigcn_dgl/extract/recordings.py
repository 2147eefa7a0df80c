"""What is heard and seen of the utterances of a recording."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.media import SAMPLE_RATE, Streams, pictures_at, probe, read_sound
from ariigcn_dgl.extract.notes import Note
from ariigcn_dgl.extract.own_encoder import Encoder
from ariigcn_dgl.extract.spoken import Spoken
from ariigcn_dgl.extract.visual import VisualEncoder

Sees = VisualEncoder | Encoder
# Makes of sound, (samples,) float32 at SAMPLE_RATE, what an audio encoder keeps; None: too short.
Hears = Callable[[np.ndarray], Any]


@dataclass(frozen=True)
class Perceived:
    """One utterance: what is kept of its sound, and visual features, (D,); None if missing."""

    heard: Any
    visual: np.ndarray | None


def perceive(
    recording: Path,
    utterances: Sequence[Spoken],
    hear: Hears | None,
    see: Sees | None,
    note: Note,
) -> list[Perceived]:
    """Decode one recording once and return what is in it of each utterance.

    Parameters
    ----------
    recording : Path
    utterances : sequence of Spoken
        In any order; they may overlap.
    hear : callable or None
        Makes of an utterance's sound what is kept of it; None: no sound is wanted.
    see : VisualEncoder, Encoder or None
    note : callable
        Gets sentences about what the recording lacks.

    Raises
    ------
    InputError
        If the recording cannot be decoded, or ends before an utterance begins.
    """
    streams = probe(recording)
    utterances = [_with_end(one, streams) for one in utterances]
    sound = read_sound(recording) if hear and streams.sound else None
    heard = [_heard(sound, one, hear) if hear and sound is not None else None for one in utterances]
    seen = _seen(recording, utterances, see) if see and streams.pictures else [None] * len(heard)
    _note_lacking(recording, streams, hear is not None, see is not None, note)
    if sound is not None or (see and streams.pictures):
        seconds = 0.0 if sound is None else len(sound) / SAMPLE_RATE
        _refuse_lost(recording, utterances, seen, seconds)
    silent = sum(one is None for one in heard) if sound is not None else 0
    if silent:
        note(f"{recording}: {silent} utterances have no sound: too short, or after it ends")
    return [Perceived(*pair) for pair in zip(heard, seen, strict=True)]


def _refuse_lost(
    recording: Path,
    utterances: Sequence[Spoken],
    seen: Sequence[np.ndarray | None],
    heard_seconds: float,
) -> None:
    for one, picture in zip(utterances, seen, strict=True):
        start, _ = one.times
        if picture is None and start >= heard_seconds:
            raise InputError(
                f"{recording}: ends before the utterance '{one.name}' begins at {start:.1f} s: "
                "truncated, or not the recording of these utterances"
            )


def _with_end(one: Spoken, streams: Streams) -> Spoken:
    """Return the utterance, ended with the recording at the latest."""
    start, end = one.times
    if streams.seconds is not None:
        return replace(one, end=min(end, max(streams.seconds, start)))
    if end == math.inf:
        raise InputError(f"{one.recording}: does not say how long it is: give the utterance's end")
    return one


def _heard(sound: np.ndarray, one: Spoken, hear: Hears) -> Any:
    start, end = (round(seconds * SAMPLE_RATE) for seconds in one.times)
    return hear(sound[start:end])


def _seen(recording: Path, utterances: Sequence[Spoken], encoder: Sees) -> list[np.ndarray | None]:
    looks = sorted(
        (time, n) for n, one in enumerate(utterances) for time in encoder.times(*one.times)
    )
    waiting: dict[int, list[Any]] = {n: [] for n in range(len(utterances))}
    left = {n: len(encoder.times(*one.times)) for n, one in enumerate(utterances)}
    seen: list[np.ndarray | None] = [None] * len(utterances)
    shown = pictures_at(recording, [time for time, _ in looks])
    for (_, n), picture in zip(looks, shown, strict=True):
        if picture is not None:
            waiting[n].append(encoder.prepare(picture))
        left[n] -= 1
        if left[n] == 0:  # encoded at once, so that a long film is never held in memory
            pictures = waiting.pop(n)
            seen[n] = encoder.encode(pictures) if pictures else None
    return seen


def _note_lacking(recording: Path, streams: Streams, hear: bool, see: bool, note: Note) -> None:
    if hear and not streams.sound:
        note(f"{recording}: has no sound; audio counts as missing")
    if see and not streams.pictures:
        note(f"{recording}: has no pictures; visual counts as missing")
