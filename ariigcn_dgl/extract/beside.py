"""The transcript that lies beside a recording."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import composed
from ariigcn_dgl.transcripts.read import SUFFIXES

_LANGUAGE = re.compile(r"(.+)\.[a-z]{2,3}(?:[-_][a-z0-9]{2,8}){0,2}", re.IGNORECASE)


def transcripts_in(folder: Path) -> dict[str, list[Path]]:
    """Return the transcripts of a folder by the names of the recordings that they may go with.

    ``talk.srt`` goes with talk, and ``talk.en.srt`` with talk.en and with talk.
    """
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in SUFFIXES and path.is_file():
            name = _written(path)
            language = _LANGUAGE.fullmatch(name)
            for one in (name, *(language.groups() if language else ())):
                found.setdefault(one, []).append(path)
    return found


def transcript_beside(
    recording: Path, there: Mapping[str, Sequence[Path]] | None = None
) -> Path | None:
    """Return the file beside a recording that has its name and ends as a transcript.

    A language may stand between, ``talk.en.srt``; capitals of the ending, and whether an accented
    letter is written as one or as two signs, count for nothing.

    Parameters
    ----------
    recording : Path
    there : mapping of str to sequence of Path, optional
        What `transcripts_in` found in its folder.

    Raises
    ------
    InputError
        If there are several, each with a language of its own.
    """
    if there is None:
        there = transcripts_in(recording.parent) if recording.parent.is_dir() else {}
    name = _written(recording)
    found = sorted(there.get(name, ()), key=lambda path: SUFFIXES.index(path.suffix.lower()))
    own = [path for path in found if _written(path) == name]
    if not own and len({_written(path) for path in found}) > 1:
        listed = ", ".join(sorted(path.name for path in found))
        raise InputError(
            f"{recording}: beside it are {listed}, expected one: name it with --transcript "
            f"(predict) or --subtitles (extract), or call it {recording.stem}{found[0].suffix}"
        )
    return next(iter(own or found), None)


def _written(path: Path) -> str:
    """Return a file's name without its ending, each accented letter written as one sign."""
    return composed(path.stem)
