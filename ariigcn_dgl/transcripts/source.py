"""The text of a transcript: read once, in whatever encoding it is, before its kind is known."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import RepeatedNameError, decode_json, read_bytes
from ariigcn_dgl.notes import Note
from ariigcn_dgl.transcripts.foreign import refuse_foreign

LARGEST = 1 << 28  # bytes; a chat of many years has some ten million

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, with whose mark it begins
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_HEAD = 4096  # bytes that tell UTF-16 without a mark
# Nobody sees them; joiners, as of Persian and of emoji, are none.
DIRECTIONS = "\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"


@dataclass(frozen=True)
class Source:
    """A text file whose kind is to be found.

    Parameters
    ----------
    path : Path
    marked : str
        Its text, with the marks of direction that Hebrew and Arabic programs put anywhere. Its
        lines end with a line feed alone.
    """

    path: Path
    marked: str

    @cached_property
    def text(self) -> str:
        """Its text without marks of direction, which would make two people of one name."""
        return self.marked.translate(dict.fromkeys(map(ord, DIRECTIONS)))

    @property
    def suffix(self) -> str:
        """The ending of its name, lower-case."""
        return self.path.suffix.lower()

    @cached_property
    def lines(self) -> list[str]:
        """Its lines, without their ends."""
        return self.text.split("\n")

    @cached_property
    def marked_lines(self) -> list[str]:
        """Its lines with the marks of direction."""
        return self.marked.split("\n")

    @cached_property
    def json(self) -> Any:
        """What it says as JSON; None where it is none. InputError where it names a thing twice."""
        if not self.text.lstrip().startswith(("{", "[")):
            return None
        try:
            return decode_json(self.text)
        except RepeatedNameError as error:
            raise InputError(f"{self.path}: {error}") from error
        except (ValueError, RecursionError):
            return None


def read_source(path: Path, note: Note) -> Source:
    """Return the text of a file in UTF-8, UTF-16, UTF-32 or Windows-1252; the last is noted.

    Raises
    ------
    InputError
        If it cannot be read or is no text; names what it looks like.
    """
    content = read_bytes(path, LARGEST)
    refuse_foreign(path, content)
    text = _decoded(path, content, note)
    if "\0" in text:
        raise InputError(
            f"{path}: holds binary data, expected text: subtitles, a chat, a transcript or a table"
        )
    return Source(path, text.replace("\r\n", "\n").replace("\r", "\n"))


def _decoded(path: Path, content: bytes, note: Note) -> str:
    marked = next((name for mark, name in _MARKS if content.startswith(mark)), None)
    encoding = marked or _wide(content) or "utf-8"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise InputError(
                f"{path}: byte {error.start} is not {encoding.upper()} text, as which the file "
                "begins; save the file as UTF-8"
            ) from error
        note(
            f"{path}: byte {error.start} is not UTF-8 text: read as Windows-1252 (western "
            "European); save the file as UTF-8 if its letters look wrong"
        )
    try:
        return content.decode("cp1252")
    except UnicodeDecodeError:  # five bytes mean nothing there; in Latin-1 all mean something
        return content.decode("latin-1")


def _wide(content: bytes) -> str | None:
    """Return which UTF-16 a file without a mark is in: every other byte of western text is 0."""
    head = content[:_HEAD]
    zeros = [head[n::2].count(0) * 4 for n in range(2)]  # of half as many bytes
    if max(zeros) <= len(head):
        return None
    return "utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"
