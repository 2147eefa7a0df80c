"""What is heard and seen of the utterances of a recording."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.damaged import without_damaged
from ariigcn_dgl.extract.log_mel import log_mel
from ariigcn_dgl.extract.media import SAMPLE_RATE, Lost, Streams, pictures_at, probe
from ariigcn_dgl.extract.media.sound import hear as decoded_sound
from ariigcn_dgl.extract.own_encoder import Encoder
from ariigcn_dgl.extract.spoken import Spoken
from ariigcn_dgl.extract.visual import VisualEncoder
from ariigcn_dgl.notes import Note

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
    hear: Hears | bool | None,
    see: Sees | None,
    note: Note,
    skip_damaged: bool = False,
    track: str | None = None,
) -> list[Perceived]:
    """Decode one recording once and return what is in it of each utterance.

    Parameters
    ----------
    recording : Path
    utterances : sequence of Spoken
        In any order; they may overlap.
    hear : callable, bool or None
        Makes of an utterance's sound what is kept of it; True: log-mel frames; None: no sound is
        wanted.
    see : VisualEncoder, Encoder or None
    note : callable
        Gets sentences about what the recording lacks, where it is damaged, and which of several
        tracks was taken.
    skip_damaged : bool
        What cannot be decoded counts as missing, of the utterances that it touches.
    track : str, optional
        Which sound track: its number, from 1, or its language.

    Raises
    ------
    InputError
        If the recording cannot be decoded, or, unless `skip_damaged`, more than half a second in
        an utterance, or it ends before an utterance begins.
    """
    streams = probe(recording)
    utterances = [_with_end(one, streams) for one in utterances]
    hear = log_mel if hear is True else hear
    nothing: list[Any] = [None] * len(utterances)
    heard, seconds = nothing, 0.0
    sound = decoded_sound(recording, track, note) if hear else None
    if sound is not None and hear:
        heard, seconds = [_heard(sound.samples, one, hear) for one in utterances], sound.seconds
        _note_unheard(recording, utterances, heard, sound.lost, note)
        heard = without_damaged(
            recording, "sound", utterances, heard, sound.lost, skip_damaged, note
        )
    seen, unseen = nothing, Lost()
    if see and streams.pictures:
        seen = _seen(recording, utterances, see, note, unseen)
        seen = without_damaged(recording, "pictures", utterances, seen, unseen, skip_damaged, note)
    _note_lacking(recording, streams, bool(hear), see is not None, note)
    if sound is not None or (see and streams.pictures):
        _refuse_lost(recording, utterances, seen, seconds, skip_damaged, note)
    return [Perceived(*pair) for pair in zip(heard, seen, strict=True)]


def _note_unheard(
    recording: Path,
    utterances: Sequence[Spoken],
    heard: Sequence[Any],
    lost: Lost,
    note: Note,
) -> None:
    silent = sum(
        what is None and not lost.concerns(*one.times)
        for one, what in zip(utterances, heard, strict=True)
    )
    if silent:
        note(f"{recording}: {silent} utterances have no sound: too short, or after it ends")


def _refuse_lost(
    recording: Path,
    utterances: Sequence[Spoken],
    seen: Sequence[np.ndarray | None],
    heard_seconds: float,
    skip_damaged: bool,
    note: Note,
) -> None:
    late = [
        one
        for one, picture in zip(utterances, seen, strict=True)
        if picture is None and one.times[0] >= heard_seconds
    ]
    if not late:
        return
    start, _ = late[0].times
    sentence = (
        f"{recording}: ends before the utterance '{late[0].name}' begins at {start:.1f} s: "
        "truncated, or not the recording of these utterances"
    )
    if not skip_damaged:
        raise InputError(sentence)
    note(f"{sentence}; missing of {len(late)} of {len(utterances)} utterances")


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


def _seen(
    recording: Path, utterances: Sequence[Spoken], encoder: Sees, note: Note, lost: Lost
) -> list[np.ndarray | None]:
    looks = sorted(
        (time, n) for n, one in enumerate(utterances) for time in encoder.times(*one.times)
    )
    waiting: dict[int, list[Any]] = {n: [] for n in range(len(utterances))}
    left = {n: len(encoder.times(*one.times)) for n, one in enumerate(utterances)}
    seen: list[np.ndarray | None] = [None] * len(utterances)
    shown = pictures_at(recording, [time for time, _ in looks], note, lost)
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
