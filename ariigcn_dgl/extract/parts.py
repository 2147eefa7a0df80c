"""Recordings in parts: what is decoded and encoded together, and kept together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import ariigcn_dgl
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract import log_mel
from ariigcn_dgl.extract.kept import Kept
from ariigcn_dgl.extract.present import where_present
from ariigcn_dgl.extract.recordings import Perceived, Sees, perceive
from ariigcn_dgl.extract.spoken import Spoken
from ariigcn_dgl.files import sha256_of

UTTERANCES = 128  # of a part, if its recordings are shorter than that


@dataclass(frozen=True)
class Part:
    """Some recordings and all their utterances.

    Parameters
    ----------
    recordings : tuple of (Path, tuple of (int, Spoken))
        Each utterance with its number in the data set.
    """

    recordings: tuple[tuple[Path, tuple[tuple[int, Spoken], ...]], ...]

    @property
    def rows(self) -> list[int]:
        """The numbers of its utterances, in its order."""
        return [n for _, utterances in self.recordings for n, _ in utterances]


def parts_of(utterances: Sequence[Spoken]) -> list[Part]:
    """Return the parts of utterances; the same ones for the same utterances.

    Raises
    ------
    InputError
        If an utterance has no recording or no time.
    """
    of_recording: dict[Path, list[tuple[int, Spoken]]] = {}
    for n, one in enumerate(utterances):
        if one.recording is None:
            raise InputError(
                f"the utterance '{one.name}' has no recording to hear or see: use the text alone"
            )
        _ = one.times  # refused where unknown, before hours were spent on the others
        of_recording.setdefault(one.recording, []).append((n, one))
    parts, waiting, count = [], [], 0
    for recording, rows in of_recording.items():
        waiting.append((recording, tuple(rows)))
        count += len(rows)
        if count >= UTTERANCES:
            parts.append(Part(tuple(waiting)))
            waiting, count = [], 0
    return [*parts, *([Part(tuple(waiting))] if waiting else [])]


@dataclass(frozen=True)
class Found:
    """What was heard and seen of a part's utterances, in its order, and what there is to say.

    Parameters
    ----------
    perceived : list of Perceived
        Audio features; frames, where an encoder is to be trained on them.
    notes : list of str
    skipped : list of str
        Recordings that could not be decoded at all.
    """

    perceived: list[Perceived]
    notes: list[str]
    skipped: list[str]


@dataclass(frozen=True)
class Work:
    """How parts are worked on.

    Parameters
    ----------
    audio : encoder, AudioTraining or None
    trains : bool
        Whether the audio encoder is still to be trained: sound is prepared, not encoded.
    visual : encoder or None
    skip_damaged : bool
    track : str or None
    device : str
        Where the encoders compute.
    kept : Kept or None
        Where what is done is kept.
    """

    audio: Any
    trains: bool
    visual: Sees | None
    skip_damaged: bool
    track: str | None
    device: str
    kept: Kept | None

    def decides(self) -> dict[str, Any]:
        """Return what decides the results beside the recordings; hashes the encoders' weights."""
        return {
            "version": ariigcn_dgl.__version__,
            "audio": log_mel.settings() if self.trains else self.audio and self.audio.describe(),
            "visual": self.visual and self.visual.describe(),
            "options": [self.skip_damaged, self.track, self.device],
        }

    def do(self, task: Task) -> Found:
        """Return what is heard and seen of a part: what is kept, or is kept now."""
        found = self.stored(task)
        if found is None:
            found = self.perceived(task.part)
            self.store(task, found)
        return found

    def stored(self, task: Task) -> Found | None:
        """Return what is kept of a part, if something is."""
        if self.kept is None:
            return None
        return _loaded(self.kept.get(task.decides), len(task.part.rows))

    def store(self, task: Task, found: Found) -> None:
        """Keep what was found in a part, where anything is kept."""
        if self.kept is not None:
            says = {"notes": found.notes, "skipped": found.skipped}
            self.kept.put(task.decides, _arrays(found), says)

    def perceived(self, part: Part) -> Found:
        """Return what is heard and seen of a part."""
        return _perceived(self, part)


@dataclass(frozen=True)
class Task:
    """A part, and all that decides what will be found in it.

    Parameters
    ----------
    part : Part
    decides : Any
        Names what is kept of it.
    """

    part: Part
    decides: Any


def tasks_of(work: Work, parts: Sequence[Part]) -> list[Task]:
    """Return the parts with what decides their results: the content of all recordings is hashed."""
    if work.kept is None:
        return [Task(part, None) for part in parts]
    common = work.decides()
    return [Task(part, [common, _recordings(part)]) for part in parts]


def _recordings(part: Part) -> list[Any]:
    return [
        [str(path), _content(path), [list(map(repr, one.times)) for _, one in rows]]
        for path, rows in part.recordings
    ]


def _content(path: Path) -> str:
    try:
        return sha256_of(path)
    except InputError:  # which decoding it will say
        return ""


def _perceived(work: Work, part: Part) -> Found:
    perceived: list[Perceived] = []
    notes: list[str] = []
    skipped: list[str] = []
    hear = work.audio.prepare if work.audio else None
    for recording, rows in part.recordings:
        spoken = [one for _, one in rows]
        options = (work.skip_damaged, work.track)
        try:
            perceived += perceive(recording, spoken, hear, work.visual, notes.append, *options)
        except InputError as error:
            if not work.skip_damaged:
                raise
            notes.append(f"{error}; its sound and pictures count as missing")
            skipped.append(str(recording))
            perceived += [Perceived(None, None)] * len(rows)
    if work.audio and not work.trains:
        perceived = _encoded(work.audio, perceived)
    return Found(perceived, notes, skipped)


def _encoded(encoder: Any, perceived: Sequence[Perceived]) -> list[Perceived]:
    """Return features in place of what was prepared of sound."""
    heard = where_present(encoder.encode, [one.heard for one in perceived])
    return [replace(one, heard=row) for one, row in zip(perceived, heard, strict=True)]


def _arrays(found: Found) -> dict[str, np.ndarray]:
    heard = {f"heard.{n}": one.heard for n, one in enumerate(found.perceived)}
    seen = {f"seen.{n}": one.visual for n, one in enumerate(found.perceived)}
    return {name: np.asarray(x) for name, x in (heard | seen).items() if x is not None}


def _loaded(kept: tuple[dict[str, np.ndarray], Any] | None, count: int) -> Found | None:
    if kept is None or not isinstance(kept[1], dict):  # nothing, or of an earlier version
        return None
    arrays, says = kept
    pairs = ((arrays.get(f"heard.{n}"), arrays.get(f"seen.{n}")) for n in range(count))
    return Found([Perceived(*pair) for pair in pairs], says["notes"], says["skipped"])
