"""Read a transcript of any known kind."""

from __future__ import annotations

from pathlib import Path

from ariigcn_dgl.extract.notes import Note
from ariigcn_dgl.transcripts.cue import Cue
from ariigcn_dgl.transcripts.subtitles import read_subtitles


def read_transcript(path: Path, note: Note) -> list[Cue]:
    """Return what was said, in its order.

    Parameters
    ----------
    path : Path
    note : callable
        Called with a sentence about each thing that is unusual but could be used.

    Raises
    ------
    InputError
        If the file cannot be read or is of no known kind.
    """
    return read_subtitles(path, note)
