"""Which of several sound tracks is heard, and which of several streams of pictures is seen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.media.recording import Recording
from ariigcn_dgl.extract.media.refusing import pyav

_SECONDARY = ("comment", "visual_impaired", "descriptions", "karaoke", "timed_thumbnails")


def sound_track(recording: Recording, track: str | None) -> Any | None:
    """Return the sound track that is to be heard, None where there is none.

    Parameters
    ----------
    recording : Recording
    track : str or None
        Its number, from 1, or its language as the file writes it; None: the default track, or
        the first that is no commentary.

    Raises
    ------
    InputError
        If there is no such track; names those that there are.
    """
    tracks = recording.sounds
    if not tracks:
        return None
    if track is None:
        return _usual(tracks)
    if track.isdecimal() and 1 <= int(track) <= len(tracks):
        return tracks[int(track) - 1]
    spoken = [one for one in tracks if _language(one).lower() == track.lower()]
    if spoken:
        return _usual(spoken)
    raise InputError(
        f"{recording.path}: has no sound track '{track}', only {_listed(tracks)}: give the number "
        "of one, or its language"
    )


def picture_stream(recording: Recording) -> Any | None:
    """Return the stream of pictures that is to be seen, None where there is none."""
    streams = recording.pictures
    return _usual(streams) if streams else None


def choice(path: Path, kind: str, streams: Sequence[Any], taken: Any) -> str | None:
    """Return the sentence that says which of several streams was taken; None of one.

    Parameters
    ----------
    path : Path
    kind : str
        "sound" or "picture".
    streams : sequence of av.stream.Stream
    taken : av.stream.Stream
        One of them.
    """
    if len(streams) < 2:
        return None
    number = [one.index for one in streams].index(taken.index) + 1
    verb, other = ("seen", "") if kind == "picture" else ("heard", "; --track takes another")
    listed = _listed(streams)
    return f"{path}: has {len(streams)} {kind} tracks: {listed}; track {number} is {verb}{other}"


def _usual(streams: Sequence[Any]) -> Any:
    named = pyav().stream.Disposition
    secondary = sum(int(getattr(named, name, 0)) for name in _SECONDARY)
    return min(
        streams,
        key=lambda one: (
            not one.disposition & named.default,
            bool(int(one.disposition) & secondary),
            one.index,
        ),
    )


def _listed(streams: Sequence[Any]) -> str:
    return ", ".join(f"{n} ({_described(one)})" for n, one in enumerate(streams, 1))


def _described(stream: Any) -> str:
    default = stream.disposition & pyav().stream.Disposition.default
    title = stream.metadata.get("title", "")
    words = [_language(stream), f"'{title}'" if title else "", "default" if default else ""]
    return " ".join(word for word in words if word) or "of no language"


def _language(stream: Any) -> str:
    found = stream.metadata.get("language", "")
    return "" if found == "und" else str(found)
