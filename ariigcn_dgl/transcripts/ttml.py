"""TTML, DFXP, IMSC and iTT (.ttml, .dfxp, .xml, .itt): ``ttm:agent`` says who speaks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple
from xml.etree import ElementTree

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.notes import Note
from ariigcn_dgl.transcripts.blocks import Block, cues_of
from ariigcn_dgl.transcripts.cue import Cue
from ariigcn_dgl.transcripts.source import Source
from ariigcn_dgl.transcripts.speakers import Part, names_of, parts_of
from ariigcn_dgl.transcripts.times import in_order

_ROOT = re.compile(r"<(?:\w+:)?tt[\s>]")
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d+)?)(?::(\d+(?:\.\d+)?))?")
_OFFSET = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s|f|t|)")  # Apple writes seconds bare
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "": 1.0, "ms": 0.001}
_DEEPEST = 50  # elements within each other
_ID = "{http://www.w3.org/XML/1998/namespace}id"


class _Rates(NamedTuple):
    frames: float
    ticks: float


def is_ttml(source: Source) -> bool:
    """Whether a file is XML whose root is ``tt``."""
    head = source.text[:8192]
    return head.lstrip().startswith("<") and bool(_ROOT.search(head))


def read_ttml(source: Source, note: Note) -> list[Cue]:
    """Return the cues of the paragraphs.

    Raises
    ------
    InputError
        If it is no well-formed XML, declares entities (which could blow up), or a time is
        malformed.
    """
    if "<!ENTITY" in source.text:
        raise InputError(f"{source.path}: declares XML entities, which are not read: take them out")
    try:
        root = ElementTree.fromstring(source.text.encode("utf-8"), _parser())
    except ElementTree.ParseError as error:
        raise InputError(f"{source.path}: no well-formed XML: {error}") from error
    if _is_deep(root):
        raise InputError(f"{source.path}: its elements are nested more than {_DEEPEST} deep")
    agents = dict(_agents(root))
    rates = _rates(root)
    texts = list(_texts(source, root, _Within(None, None, ""), rates))
    known = names_of(lines for text in texts for agent, lines in text.voices if not agent)
    blocks = [
        Block(text.start, text.end, list(_parts(text.voices, agents, known))) for text in texts
    ]
    return cues_of(source.path, blocks, note, "TTML with paragraphs (p)")


def _is_deep(root: ElementTree.Element) -> bool:
    level = [root]
    for _ in range(_DEEPEST):
        level = [child for element in level for child in element]
    return bool(level)


def _parser() -> ElementTree.XMLParser:
    return ElementTree.XMLParser(encoding="utf-8")  # whatever the file says: it was decoded


class _Within(NamedTuple):
    """What holds for all in an element: its times, in seconds, and agent."""

    start: float | None
    end: float | None
    agent: str


class _Text(NamedTuple):
    """A paragraph: its times, in seconds, and the lines of each agent."""

    start: float
    end: float
    voices: list[tuple[str, list[str]]]


def _name(element: ElementTree.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _attribute(element: ElementTree.Element, name: str) -> str:
    found = (value for key, value in element.items() if key.rpartition("}")[2] == name)
    return next(found, "")


def _agents(root: ElementTree.Element) -> Iterator[tuple[str, str]]:
    for agent in root.iter():
        if _name(agent) == "agent":
            names = [" ".join("".join(x.itertext()).split()) for x in agent if _name(x) == "name"]
            identity = agent.get(_ID) or _attribute(agent, "id")
            yield identity, next(filter(None, names), identity)


def _rates(root: ElementTree.Element) -> _Rates:
    frames = _number(_attribute(root, "frameRate"), 30.0)
    multiplier = _attribute(root, "frameRateMultiplier").replace(":", " ").split()
    if len(multiplier) == 2 and all(one.isdigit() and int(one) for one in multiplier):
        frames *= float(Fraction(int(multiplier[0]), int(multiplier[1])))
    return _Rates(frames, _number(_attribute(root, "tickRate"), frames))


def _number(text: str, default: float) -> float:
    return float(text) if text.isdigit() and int(text) else default


def _texts(
    source: Source, element: ElementTree.Element, within: _Within, rates: _Rates
) -> Iterator[_Text]:
    here = _times(source, element, within, rates)
    if _name(element) == "p":
        yield _text(source, element, here, rates)
        return
    for child in element:
        yield from _texts(source, child, here, rates)


def _times(source: Source, element: ElementTree.Element, within: _Within, rates: _Rates) -> _Within:
    start, end, length = (
        _seconds(source, _attribute(element, name), rates) for name in ("begin", "end", "dur")
    )
    agent = _attribute(element, "agent") or within.agent
    # Children count from their parent's begin, but many programs write times of the film.
    if start is not None and within.start is not None and start < within.start:
        end = None if end is None else end + within.start
        start += within.start
    start = within.start if start is None else start
    if end is None and length is not None:
        end = (start or 0.0) + length
    return _Within(start, within.end if end is None else end, agent)


def _seconds(source: Source, text: str, rates: _Rates) -> float | None:
    if not text:
        return None
    if found := _CLOCK.fullmatch(text.strip()):
        hours, minutes, seconds, frames = found.groups(default="0")
        whole = 3600 * int(hours) + 60 * int(minutes) + float(seconds)
        return whole + float(frames) / rates.frames
    if found := _OFFSET.fullmatch(text.strip()):
        per = {**_SECONDS, "f": 1 / rates.frames, "t": 1 / rates.ticks}
        return float(found[1]) * per[found[2]]
    raise InputError(
        f"{source.path}: the time {text[:40]!r} is malformed, expected 00:00:01.500 or 1.5s"
    )


def _text(source: Source, element: ElementTree.Element, within: _Within, rates: _Rates) -> _Text:
    inner = [_times(source, x, within, rates) for x in element.iter() if _name(x) == "span"]
    starts = [x.start for x in inner if x.start is not None]
    ends = [x.end for x in inner if x.end is not None]
    start = within.start if within.start is not None else min(starts, default=0.0)
    end = within.end if within.end is not None else max(ends, default=start)
    in_order(f"{source.path}: a paragraph", start, end)
    voices = _voices(element, within.agent)
    return _Text(start, end, [(who, [html_free(one) for one in lines]) for who, lines in voices])


def _parts(
    voices: list[tuple[str, list[str]]], agents: dict[str, str], known: frozenset[str]
) -> Iterator[Part]:
    for agent, lines in voices:
        name = " & ".join(agents.get(one, one) for one in agent.split())
        for part in parts_of(lines, frozenset() if name else known):
            yield Part(name, part.text) if name and not part.speaker else part


def html_free(line: str) -> str:
    """Return a line whose ``<`` and ``&`` are letters, not markup, as after XML was read."""
    return line.replace("&", "&amp;").replace("<", "&lt;")


def _voices(element: ElementTree.Element, agent: str) -> list[tuple[str, list[str]]]:
    """Return the lines of each agent of a paragraph."""
    voices: list[tuple[str, list[str]]] = [(agent, [""])]
    for who, words in _words(element, agent):
        if who != voices[-1][0] and words.strip():
            voices.append((who, [""]))
        first, *others = words.split("\n")
        voices[-1][1][-1] += first
        voices[-1][1].extend(others)
    return voices


def _words(element: ElementTree.Element, agent: str) -> Iterator[tuple[str, str]]:
    """Yield the words and who says them; a line break is the letter for it."""
    yield agent, " ".join((element.text or "").split("\n"))
    for child in element:
        if _name(child) == "br":
            yield agent, "\n"
        elif _name(child) == "span":
            yield from _words(child, _attribute(child, "agent") or agent)
        yield agent, " ".join((child.tail or "").split("\n"))
