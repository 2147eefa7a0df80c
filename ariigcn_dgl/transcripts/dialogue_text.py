"""Plain text of who says what: ``Name: text``, with or without time stamps, and meetings' notes."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import NamedTuple

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.notes import Note
from ariigcn_dgl.transcripts.blocks import UNNAMED, speakers_of, tell_sounds
from ariigcn_dgl.transcripts.cue import Cue
from ariigcn_dgl.transcripts.source import Source
from ariigcn_dgl.transcripts.speakers import MOST_WORDS_REPEATED, is_short_name, named
from ariigcn_dgl.transcripts.times import parse_time

_TIME = r"(?:\d{1,2}:)?\d{1,2}:\d{2}(?:[.,]\d{1,3})?"
_CLOCK = rf"{_TIME}(?:[ \u202f]?[AaPp]\.?[Mm]\.?)?"
_STAMP = rf"(?:\d{{1,4}}[-/.]\d{{1,2}}[-/.]\d{{1,4}}[ T,]{{1,2}})?{_CLOCK}"
# [00:12] Ann: text; (0:12) text; 00:12 - Ann: text; 00:00:12 alone.
_STAMPED = re.compile(rf"(?:\[({_STAMP})\]|\(({_STAMP})\)|({_STAMP})(?=\s|$))\s*(?:[-–—|]\s+)?(.*)")
_WHO = r"[^:：\[\]()<>]{1,60}?"
# A line of its own: Ann  0:12, Ann (00:12), Ann [00:12].
_SPEAKS = re.compile(
    rf"({_WHO})(?:\s+|\s*[-–—|,]\s*)(?:\[({_STAMP})\]|\(({_STAMP})\)|({_STAMP}))\s*:?"
)
_ASIDE = r"\((?!\s)[^():：]{1,60}\)|\[(?!\s)[^\[\]:：]{1,60}\]"  # ann (from phone): ...
_ADDRESS = r"(?:\s*<[^<>\s]+@[^<>\s]+>)?"
_NAMED = re.compile(
    rf"({_WHO}){_ADDRESS}\s*(?:[\[(]({_STAMP})[\])]|{_ASIDE})?\s*[:：](?!//)\s+(.*)"
)
# What may be a name that none of these finds.
_LIKE_NAMED = re.compile(r"([^:：]{1,60}?)\s*(?:：\s*|:\s+)\S.*")
_IN_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|<[^<>]*>")
# Of IRC: <ann> hi; * ann waves; and what its programs write themselves.
_NICK = re.compile(r"<[@+%&~ ]?([^<>\s]{1,40})>\s+(.*)")
_ACT = re.compile(r"\*\s+([^<>\s]{1,40})\s+(.*)")
_PROGRAM = re.compile(r"(?:-!-|\*{3,4}|-->|<--|-{2,3})\s.*")
_BOLD = re.compile(r"(?:\*\*|__)(.+?)(?:\*\*|__)")
_HEADING = re.compile(
    r"\s*(?:#{1,6}\s.*|[=\-*_~·•\s]{3,}|(?:ACT|SCENE|CHAPTER|PART)\b.*"
    r"|Transcription ended after .*|This (?:editable )?transcript was computer.generated.*)"
)
_MOST_WORDS = 4  # of a name
_DATED = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]|[AaPp]\.?[Mm]")


class _Line(NamedTuple):
    """A line of a file: who begins to speak in it, when, and what is left of it."""

    number: int
    speaker: str
    stamp: str
    text: str


def is_dialogue(source: Source) -> bool:
    """Whether people are named at the beginning of lines, or the file ends in .txt or .md."""
    return any(line.speaker for line in _lines(source)) or source.suffix in (".txt", ".md")


def read_dialogue(source: Source, note: Note) -> list[Cue]:
    """Return the utterances; lines without a name go on with the one before.

    Time stamps are taken as from the beginning of the recording if they never go back; an utterance
    ends where the next begins.

    Raises
    ------
    InputError
        If nobody says anything.
    """
    lines = _lines(source)
    if not any(line.speaker for line in lines):
        return _nameless(source, lines, note)
    cues: list[Cue] = []
    lost, headings, by_program, silent, unnamed = [], [], [], [], []
    nicks = _nicks(source)
    speaker, stamp, fresh = "", "", True
    for line, following in zip(lines, [*lines[1:], None], strict=True):
        if _HEADING.fullmatch(line.text) and not line.speaker:
            headings.append(line)
            continue
        if nicks and _PROGRAM.fullmatch(line.text) and not line.speaker:
            by_program.append(line)
            continue
        fresh = fresh or bool(line.speaker or line.stamp)
        speaker, stamp = line.speaker or speaker, line.stamp or stamp
        if not line.text:
            if line.speaker and (following is None or following.speaker):
                silent.append(line._replace(text=line.speaker))
            continue
        if not speaker:
            lost.append(line)
        elif fresh:
            cues.append(Cue(speaker, line.text, when=stamp))
            stamp, fresh = "", False
        else:
            cues[-1] = replace(cues[-1], text=f"{cues[-1].text} {line.text}")
            if _is_like_named(line.text):
                unnamed.append(line)
    if not cues:
        raise InputError(f"{source.path}: names people, but none of them says anything")
    note(f"{source.path}: {speakers_of(cues)}")
    _tell(source, lost, "are before anybody is named and left out", note)
    _tell(source, headings, "are headings and left out", note)
    _tell(source, by_program, "are by the program, not by people, and left out", note)
    _tell(source, silent, "are of people who say nothing and left out", note)
    _tell(source, unnamed, "begin as with a name and are taken as more of the line before", note)
    tell_sounds(source.path, cues, note)
    return _timed(source, cues, note)


def _nameless(source: Source, lines: list[_Line], note: Note) -> list[Cue]:
    cues: list[Cue] = []
    stamp = ""
    for line in lines:
        stamp = line.stamp or stamp
        if line.text:
            cues.append(Cue(UNNAMED, line.text, when=stamp))
            stamp = ""
    if not cues:
        raise InputError(f"{source.path}: holds no text")
    note(
        f"{source.path}: names no speakers (Name: text): each line is taken as an utterance of one "
        "speaker"
    )
    return _timed(source, cues, note)


def _tell(source: Source, lines: list[_Line], what: str, note: Note) -> None:
    if lines:
        first = lines[0]
        note(
            f"{source.path}: {len(lines)} lines {what}; the first is line {first.number}: "
            f"{first.text[:40]!r}"
        )


def _lines(source: Source) -> list[_Line]:
    """Return the lines with text or a time, and who is named in them."""
    found = _numbered(source)
    known, nicks = _names(source), _nicks(source)
    read = [_line(number, text, known, nicks) for number, text in found]
    beside = sum(bool(line.speaker and line.text) for line in read)  # names, of what is said
    alone = sum(bool(_speaks(text)) for _, text in found)
    has_alone = alone > 0 and alone >= beside  # else "Lunch 12:30" is a part of what is said
    above = sum(bool(line.speaker and not line.text) for line in read) > beside
    lines: list[_Line] = []
    for line, (number, text) in zip(read, found, strict=True):
        last = lines[-1] if lines else None
        # Below a name stands what is said, even if it begins as a name would.
        below = last is not None and bool(last.speaker) and not last.text
        match = _speaks(text) if has_alone else None
        if match:
            lines.append(_Line(number, _tidy(match[1]), match[2] or match[3] or match[4], ""))
        elif (has_alone and alone > 1) or (below and (has_alone or above)):
            lines.append(_Line(number, "", "", _one_line(text)))
        else:
            lines.append(line)
    return lines


def _numbered(source: Source) -> list[tuple[int, str]]:
    """Return the number and the text of each line; a name above its time stands beside it.

    Some programs write a paragraph for each utterance: a name, below it a time, then the words.
    """
    lines = [(n, line.strip()) for n, line in enumerate(source.lines, 1)]
    begins = [
        place
        for place, (_, text) in enumerate(lines[:-2])
        if (place == 0 or not lines[place - 1][1])
        and _could_be_name(text)
        and re.fullmatch(_STAMP, lines[place + 1][1])
        and lines[place + 2][1]
    ]
    if len(begins) > 1:
        for place in reversed(begins):
            number, name = lines[place]
            lines[place : place + 2] = [(number, f"{name} ({lines[place + 1][1]})")]
    return [(number, text) for number, text in lines if text]


def _speaks(text: str) -> re.Match[str] | None:
    found = _SPEAKS.fullmatch(text)
    return found if found and _could_be_name(found[1]) else None


def _line(number: int, text: str, known: frozenset[str], nicks: frozenset[str]) -> _Line:
    stamped = _STAMPED.fullmatch(text)
    stamp = (stamped[1] or stamped[2] or stamped[3]) if stamped else ""
    rest = _plain(stamped[4] if stamped else text)
    if nick := _NICK.fullmatch(rest):
        return _Line(number, nick[1], stamp, nick[2])
    if (act := _ACT.fullmatch(rest)) and act[1] in nicks:
        return _Line(number, act[1], stamp, act[2])
    inline = _NAMED.fullmatch(rest)
    if inline and (_tidy(inline[1]) in known or named(f"{_tidy(inline[1])}: x")[0]):
        return _Line(number, _tidy(inline[1]), inline[2] or stamp, _one_line(inline[3]))
    speaker, words = named(rest)
    if not speaker and rest[-1:] in ":：" and (rest[:-1].strip() in known or named(rest + " x")[0]):
        return _Line(number, _tidy(rest[:-1]), stamp, "")
    return _Line(number, speaker, stamp, _one_line(words))


def _names(source: Source) -> frozenset[str]:
    """Return names by their use: before a colon in several lines, or in all of them."""
    rests = [_without_stamp(line.strip()) for line in source.lines if line.strip()]
    found = [match for rest in rests if (match := _NAMED.fullmatch(rest))]
    counts = Counter(_tidy(match[1]) for match in found)
    likely = {name: count for name, count in counts.items() if _could_be_name(name)}
    everywhere = sum(likely.values()) == len(rests) > 1
    if everywhere:
        return frozenset(likely)
    often = (name for name, count in counts.items() if count > 1)
    return frozenset(name for name in often if _could_be_name(name, MOST_WORDS_REPEATED))


def _nicks(source: Source) -> frozenset[str]:
    """Return who is named as in IRC; none in other texts."""
    rests = (_without_stamp(line.strip()) for line in source.lines)
    return frozenset(nick[1] for rest in rests if (nick := _NICK.fullmatch(rest)))


def _without_stamp(line: str) -> str:
    found = _STAMPED.fullmatch(line)
    return _plain(found[4] if found else line)


def _plain(line: str) -> str:
    """Return a line without the marks of bold letters and of lists before it."""
    return _BOLD.sub(r"\1", line.strip().removeprefix("- ").strip(), count=1)


def _could_be_name(text: str, most_words: int = _MOST_WORDS) -> bool:
    return is_short_name(text.strip("*_ "), most_words)


def _is_like_named(line: str) -> bool:
    found = _LIKE_NAMED.fullmatch(line)
    return bool(found) and _could_be_name(_IN_BRACKETS.sub("", found[1] if found else ""))


def _tidy(name: str) -> str:
    return " ".join(name.strip("*_- \t").split())


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _timed(source: Source, cues: list[Cue], note: Note) -> list[Cue]:
    """Return cues with start and end, where all have stamps that never go back."""
    if any(not cue.when or _DATED.search(cue.when) for cue in cues):
        stamped = sum(bool(cue.when) for cue in cues)
        if 0 < stamped < len(cues):
            note(f"{source.path}: {stamped} of {len(cues)} utterances have a time: not used")
        return cues
    try:
        starts = [parse_time(cue.when) for cue in cues]
    except ValueError:
        return cues
    if starts != sorted(starts):
        note(f"{source.path}: time stamps go back: not taken as times of a recording")
        return cues
    note(f"{source.path}: time stamps are taken as from the beginning of a recording")
    ends = [*starts[1:], float("inf")]
    return [replace(c, start=s, end=e) for c, s, e in zip(cues, starts, ends, strict=True)]
