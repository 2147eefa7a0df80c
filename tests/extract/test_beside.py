"""Which transcript goes with a recording."""

from __future__ import annotations

from pathlib import Path
from unicodedata import normalize

import pytest

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.beside import transcript_beside

ACCENT = "Zoë"


def _beside(folder: Path, recording: str, *files: str) -> str | None:
    for name in (recording, *files):
        (folder / name).touch()
    found = transcript_beside(folder / recording)
    return None if found is None else found.name


@pytest.mark.parametrize(
    ("recording", "files", "expected"),
    [
        ("a.mp4", ("a.srt",), "a.srt"),
        ("a.mp4", ("a.txt", "a.vtt", "a.srt"), "a.srt"),
        ("a.mp4", ("a.tab",), "a.tab"),
        ("a.mp4", ("a.tab", "a.csv", "a.ndjson"), "a.ndjson"),
        ("A.MP4", ("A.SRT",), "A.SRT"),
        ("a.wav", ("a.TextGrid",), "a.TextGrid"),
        ("a.mp4", ("a.en.vtt",), "a.en.vtt"),
        ("a.mp4", ("a.pt-BR.srt",), "a.pt-BR.srt"),
        ("a.mp4", ("a.en.srt", "a.srt"), "a.srt"),
        ("a.mp4", ("a.en.srt", "a.en.vtt"), "a.en.srt"),
        ("a.mp4", ("ab.srt", "b.a.srt", "a.final.srt", "a.png"), None),
        (f"{normalize('NFD', ACCENT)}.mp4", (f"{ACCENT}.srt",), f"{ACCENT}.srt"),
    ],
)
def test_transcript_beside(
    tmp_path: Path, recording: str, files: tuple[str, ...], expected: str | None
) -> None:
    assert _beside(tmp_path, recording, *files) == expected


def test_several_languages_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.mp4: beside it are a\.de\.srt, a\.en\.srt, expected"):
        _beside(tmp_path, "a.mp4", "a.en.srt", "a.de.srt")


def test_where_no_folder_is_nothing_lies_beside() -> None:
    assert transcript_beside(Path("nowhere/a.mp4")) is None
