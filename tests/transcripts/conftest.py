"""What a transcript says, and what is noted about it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ariigcn_dgl.transcripts.cue import Cue
from ariigcn_dgl.transcripts.read import read_transcript

Read = Callable[..., tuple[list[Cue], list[str]]]


@pytest.fixture
def notes() -> list[str]:
    """Return a list, whose `append` takes notes."""
    return []


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Return the cues of a text, and the notes, without the folder of the file."""

    def run(text: str, name: str, encoding: str = "utf-8") -> tuple[list[Cue], list[str]]:
        notes: list[str] = []
        (tmp_path / name).write_bytes(text.encode(encoding))
        cues = read_transcript(tmp_path / name, notes.append)
        return cues, [note.replace(f"{tmp_path}/", "") for note in notes]

    return run


@pytest.fixture
def said(read: Read) -> Callable[..., list[tuple[str, str]]]:
    """Return who says what in a text."""
    return lambda text, name: [(cue.speaker, cue.text) for cue in read(text, name)[0]]
