"""Files that are no transcript but are given for one: what they look like, and the way on."""

from __future__ import annotations

from pathlib import Path

from ariigcn_dgl.errors import InputError

_WORDS = "give its words as subtitles, or make them with ariigcn transcribe"
_TEXT = "save it as plain text (.txt), UTF-8"
_UNPACK = "unpack it and give the text file in it"
_FOREIGN: tuple[tuple[int, bytes, str, str], ...] = (  # place, bytes, what begins so, the way on
    (4, b"ftyp", "a video or sound file (MP4)", _WORDS),
    (0, b"\x1aE\xdf\xa3", "a video (Matroska or WebM)", _WORDS),
    (0, b"RIFF", "a sound or video file (WAV or AVI)", _WORDS),
    (0, b"OggS", "a sound file (Ogg)", _WORDS),
    (0, b"fLaC", "a sound file (FLAC)", _WORDS),
    (0, b"ID3", "a sound file (MP3)", _WORDS),
    (0, b"\xff\xfb", "a sound file (MP3)", _WORDS),
    (0, b"\x00\x00\x01\xba", "a video or subtitles as pictures (MPEG)", _WORDS),
    (0, b"# VobSub", "the index of subtitles that are pictures (VobSub)", _WORDS),
    (0, b"%PDF", "a PDF", _TEXT),
    (0, b"{\\rtf", "a document of a word processor (RTF)", _TEXT),
    (0, b"\xd0\xcf\x11\xe0", "a document of an older office program", _TEXT),
    (0, b"PK\x03\x04", "a zip archive", _UNPACK),
    (0, b"\x1f\x8b", "compressed by gzip", _UNPACK),
    (0, b"7z\xbc\xaf", "a 7-Zip archive", _UNPACK),
    (0, b"Rar!", "a RAR archive", _UNPACK),
    (0, b"BZh", "compressed by bzip2", _UNPACK),
    (0, b"\xfd7zXZ", "compressed by xz", _UNPACK),
    (0, b"\x89PNG", "a picture", _TEXT),
    (0, b"\xff\xd8\xff", "a picture", _TEXT),
    (0, b"\x93NUMPY", "an array of NumPy", "give the words, not features"),
    (0, b"\x89HDF", "an HDF5 file", "give the words, not features"),
    (0, b"MATLAB 5", "a MATLAB file", "give the words, not features"),
    (0, b"SQLite format 3", "a database (SQLite)", "export the chat from its program as text"),
    (0, b"version https://git-lfs", "a pointer of Git LFS", "fetch the file with git lfs pull"),
)
_OFFICE = {
    "docx": ("a Word document", "save it as .txt, or export the meeting's transcript as .vtt"),
    "xlsx": ("an Excel workbook", "save its sheet as .csv, UTF-8"),
    "odt": ("a document of a word processor", _TEXT),
    "ods": ("a spreadsheet", "save its sheet as .csv, UTF-8"),
    "pptx": ("a presentation", _TEXT),
}
_PARTS = ((b"word/", "docx"), (b"xl/", "xlsx"), (b"ppt/", "pptx"))
_HTML = (b"<!doctype html", b"<html")


def refuse_foreign(path: Path, content: bytes) -> None:
    """Raise `InputError` where a file's first bytes are those of another kind of file.

    Examples
    --------
    >>> refuse_foreign(Path("a.pdf"), b"%PDF-1.7")
    Traceback (most recent call last):
    ariigcn_dgl.errors.InputError: a.pdf: is a PDF, no transcript: save it as plain text (.txt), \
UTF-8
    """
    found = _looks_like(path, content)
    if found:
        what, way_on = found
        raise InputError(f"{path}: is {what}, no transcript: {way_on}")


def _looks_like(path: Path, content: bytes) -> tuple[str, str] | None:
    if content[:1] == b"\x80" and content[1:2] in b"\x02\x03\x04\x05" and content[1:2]:
        return "a pickle, which is never loaded here", "give the words as text"
    if content[:256].lstrip().lower().startswith(_HTML):
        return "a web page", "export the chat as JSON or plain text"
    for place, magic, what, way_on in _FOREIGN:
        if content.startswith(magic, place):
            return _OFFICE.get(_office(path, content), (what, way_on))
    return None


def _office(path: Path, content: bytes) -> str:
    """Return which office program a zip archive is of, by what it holds or by its name."""
    if not content.startswith(b"PK\x03\x04"):
        return ""
    inside = next((kind for part, kind in _PARTS if part in content), "")
    return inside or path.suffix.lower().removeprefix(".")
