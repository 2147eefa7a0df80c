"""SubStation Alpha and Advanced SubStation Alpha (.ssa, .ass): the field Name says who speaks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.notes import Note
from ariigcn_dgl.transcripts.blocks import Block, cues_of
from ariigcn_dgl.transcripts.cue import Cue
from ariigcn_dgl.transcripts.source import Source
from ariigcn_dgl.transcripts.speakers import Part, names_of, parts_of
from ariigcn_dgl.transcripts.times import in_order, parse_time

SUFFIXES = (".ass", ".ssa")
_USUAL = "Layer,Start,End,Style,Name,MarginL,MarginR,MarginV,Effect,Text"
_OVERRIDE = re.compile(r"\{[^{}]*\}")
_DRAWING = re.compile(r"\{[^{}]*\\p[1-9][^{}]*\}")
_BREAK = re.compile(r"\\[Nn]")


def is_substation(source: Source) -> bool:
    """Whether a file has the sections of SubStation Alpha."""
    head = source.text[:4096].split("\n")
    return source.suffix in SUFFIXES or any(line.strip() == "[Script Info]" for line in head)


def read_substation(source: Source, note: Note) -> list[Cue]:
    """Return the cues of the dialogue lines; comments, drawings and what is in braces are counted.

    Raises
    ------
    InputError
        If a line is malformed, or none has text.
    """
    left_out = {"comments": 0, "drawings": 0, "remarks in braces": 0}
    events = [
        (where, fields)
        for where, kind, fields in _events(source)
        if not _is_comment(kind, left_out)
    ]
    known = names_of(_lines(fields) for _, fields in events if not _name(fields))
    blocks = [_block(where, fields, known, left_out) for where, fields in events]
    told = ", ".join(f"{count} {what}" for what, count in left_out.items() if count)
    if told:
        note(f"{source.path}: {told} are left out: nobody says them")
    return cues_of(source.path, blocks, note, "[Events] with lines Dialogue: ...")


def _events(source: Source) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield place, kind and fields of each event; the line Format says which fields there are."""
    names, inside = _USUAL.lower().split(","), False
    for number, line in enumerate(source.lines, 1):
        kind, _, rest = line.strip().partition(":")
        if kind.startswith("["):
            inside = kind.lower().startswith("[events]")
        elif inside and kind == "Format":
            names = [name.strip().lower() for name in rest.split(",")]
        elif inside and kind in ("Dialogue", "Comment"):
            where = f"{source.path}: line {number}"
            values = rest.split(",", len(names) - 1)
            if len(values) < len(names):
                raise InputError(f"{where}: {len(values)} fields, expected {', '.join(names)}")
            yield where, kind, dict(zip(names, values, strict=True))


def _is_comment(kind: str, left_out: dict[str, int]) -> bool:
    left_out["comments"] += kind == "Comment"
    return kind == "Comment"


def _name(fields: Mapping[str, str]) -> str:
    return " ".join((fields.get("name") or fields.get("actor") or "").split())


def _lines(fields: Mapping[str, str]) -> list[str]:
    words = _OVERRIDE.sub("", fields.get("text", "")).replace("\\h", " ")
    return _BREAK.split(words)


def _block(
    where: str, fields: Mapping[str, str], known: frozenset[str], left_out: dict[str, int]
) -> Block:
    try:
        start, end = (parse_time(fields[name].strip()) for name in ("start", "end"))
    except (KeyError, ValueError) as error:
        raise InputError(f"{where}: expected Start and End as 0:00:01.00") from error
    in_order(f"{where}:", start, end)
    raw = fields.get("text", "")
    if _DRAWING.search(raw):
        left_out["drawings"] += 1
        return Block(start, end, [])
    left_out["remarks in braces"] += sum("\\" not in one for one in _OVERRIDE.findall(raw))
    name = _name(fields)
    parts = parts_of(_lines(fields), frozenset() if name else known)
    if name and parts and not any(part.is_other for part in parts):
        parts = [part if part.speaker else Part(name, part.text) for part in parts]
    return Block(start, end, parts)
