"""The utterances of a transcript, alone or with the recording that was transcribed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.beside import transcript_beside
from ariigcn_dgl.extract.spoken import Spoken
from ariigcn_dgl.files import writable
from ariigcn_dgl.notes import Note
from ariigcn_dgl.transcripts.cue import Cue
from ariigcn_dgl.transcripts.read import read_dialogues


def from_transcript(path: Path, note: Note, recording: Path | None = None) -> list[Spoken]:
    """Return the utterances of a transcript of any kind: subtitles, a chat, a table ...

    Parameters
    ----------
    path : Path
        It is one dialogue, named like the recording or like itself, or several, with their names.
    note : callable
        Gets sentences about what is unusual.
    recording : Path, optional
        What was transcribed.

    Raises
    ------
    InputError
        If it cannot be read; see `ariigcn_dgl.transcripts.read.read_transcript`.
    """
    found = conversations_of(path, note, recording)
    return [one for spoken in found.values() for one in spoken]


def conversations_of(
    path: Path, note: Note, recording: Path | None = None
) -> dict[str, list[Spoken]]:
    """Return the utterances of each conversation of a transcript, by its name in the file.

    Takes the arguments of `from_transcript`. Most files hold one, named "".
    """
    stem = writable((recording or path).stem)
    return {
        name: of_cues(recording, f"{stem}_{name}" if name else stem, cues)
        for name, cues in read_dialogues(path, note).items()
    }


def of_cues(recording: Path | None, dialogue: str, cues: Sequence[Cue]) -> list[Spoken]:
    """Return cues as the utterances of one dialogue."""
    return [
        Spoken(
            recording=recording,
            dialogue=dialogue,
            name=f"{dialogue}_{n}",
            speaker=cue.speaker,
            start=cue.start,
            end=cue.end,
            text=cue.text,
            when=cue.when,
        )
        for n, cue in enumerate(cues)
    ]


def from_subtitles(recording: Path, path: Path | None, note: Note) -> list[Spoken]:
    """Return the utterances of one recording; it is one dialogue, named like the file.

    Parameters
    ----------
    recording : Path
    path : Path or None
        Its subtitles or another transcript; None: those beside it, of the same name.
    note : callable
        Gets sentences about what is unusual.

    Raises
    ------
    InputError
        If there are no subtitles, or they cannot be used.
    """
    if not recording.is_file():
        raise InputError(f"{recording}: no such file")
    path = path or transcript_beside(recording)
    if path is None:
        raise InputError(
            f"{recording}: no subtitles beside it ({recording.stem}.srt or .vtt): name them with "
            "--subtitles, or the utterances with --utterances"
        )
    return from_transcript(path, note, recording)
