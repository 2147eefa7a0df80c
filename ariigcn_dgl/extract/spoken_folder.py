"""The utterances of a folder: recordings with subtitles, tables, or transcripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract import media
from ariigcn_dgl.extract.beside import transcript_beside, transcripts_in
from ariigcn_dgl.extract.spoken import Spoken
from ariigcn_dgl.extract.spoken_tables import from_tables
from ariigcn_dgl.extract.spoken_transcript import from_subtitles, from_transcript
from ariigcn_dgl.files import composed
from ariigcn_dgl.notes import Note
from ariigcn_dgl.transcripts.read import SUFFIXES


def from_folder(folder: Path, note: Note) -> list[Spoken]:
    """Return the utterances of all recordings in a folder that have subtitles beside them.

    Where there are no recordings they are those of its tables, ``train.csv``, ``dev.csv`` and
    ``test.csv``, by whose names they are divided, or else of its transcripts, each a dialogue.

    Raises
    ------
    InputError
        If there are none, or two have the same name.
    """
    recordings = sorted(p for p in folder.iterdir() if p.suffix.lower() in media.SUFFIXES)
    if not recordings:
        return from_tables(folder, note) or _from_transcripts(folder, note)
    there = transcripts_in(folder)
    pairs = {x: path for x in recordings if (path := transcript_beside(x, there)) is not None}
    for recording in [x for x in recordings if x not in pairs]:
        note(f"{recording}: has no subtitles beside it; left out")
    if not pairs:
        raise InputError(f"{folder}: holds no recording with subtitles beside it (a.mp4 and a.srt)")
    _refuse_same_names(list(pairs))
    _note_strays(folder, there, recordings, note)
    _note_beneath(folder, note)
    return [
        one for recording, path in pairs.items() for one in from_subtitles(recording, path, note)
    ]


def _from_transcripts(folder: Path, note: Note) -> list[Spoken]:
    files = sorted(path for path in folder.iterdir() if path.is_file())
    found = [path for path in files if path.suffix.lower() in SUFFIXES]
    for path in files:
        if path not in found and path.suffix.lower() != ".rttm":
            note(f"{path}: has not the ending of a transcript; left out")
    if not found:
        raise InputError(
            f"{folder}: holds no recording with subtitles beside it (a.mp4 and a.srt), and no "
            f"transcript ({', '.join(SUFFIXES)})"
        )
    _refuse_same_names(found)
    _note_beneath(folder, note)
    return [spoken for path in found for spoken in from_transcript(path, note)]


def _note_strays(
    folder: Path, there: Mapping[str, Sequence[Path]], recordings: Sequence[Path], note: Note
) -> None:
    """Say which transcripts go with no recording."""
    names = {composed(recording.stem) for recording in recordings}
    known = {path for name in names for path in there.get(name, ())}
    every = {path for paths in there.values() for path in paths}
    strays = sorted(every - known)
    if strays:
        note(
            f"{folder}: {len(strays)} of {len(every)} transcripts are left out, which have the "
            f"name of no recording: the first is {strays[0].name}"
        )


def _note_beneath(folder: Path, note: Note) -> None:
    """Say which folders in a folder hold what would be read in it."""
    beneath = [path.name for path in sorted(folder.iterdir()) if path.is_dir() and _holds(path)]
    if beneath:
        note(
            f"{folder}: what lies in folders of it is left out, though transcripts or recordings "
            f"are there: {len(beneath)} folders, the first is {beneath[0]}"
        )


def _holds(folder: Path) -> bool:
    with suppress(OSError):  # what nobody may look into is no matter here
        return any(one.suffix.lower() in (*SUFFIXES, *media.SUFFIXES) for one in folder.iterdir())
    return False


def _refuse_same_names(paths: list[Path]) -> None:
    for one, other in pairwise(paths):
        if one.stem == other.stem:
            raise InputError(f"{one}: has the same name as {other.name}, expected one of them")
