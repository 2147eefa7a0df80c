"""The utterances of a transcript, alone or with the recording that was transcribed."""

from __future__ import annotations

from pathlib import Path

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.notes import Note
from ariigcn_dgl.extract.spoken import Spoken
from ariigcn_dgl.files import writable
from ariigcn_dgl.transcripts.read import SUFFIXES, read_dialogues


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
    stem = writable((recording or path).stem)
    spoken = []
    for name, cues in read_dialogues(path, note).items():
        dialogue = f"{stem}_{name}" if name else stem
        spoken += [
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
    return spoken


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


def transcript_beside(recording: Path) -> Path | None:
    """Return the file beside a recording that has its name and ends as a transcript."""
    found = (recording.with_suffix(suffix) for suffix in (*SUFFIXES, ".TextGrid"))
    return next((path for path in found if path.is_file()), None)
