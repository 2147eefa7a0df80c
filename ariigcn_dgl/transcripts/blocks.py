"""From stretches of time with lines of text to cues: who says them, and what is unusual."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.notes import Note
from ariigcn_dgl.transcripts.cue import Cue
from ariigcn_dgl.transcripts.speakers import Part, may_name

UNNAMED = "speaker"
OTHER = "speaker 2"  # of a second speaker who is known by a dash alone

TOUCHING = 0.0015  # seconds between subtitles that follow at once: times are in milliseconds
_MOST_NAMED = 20  # speakers in a note
_SOUND = re.compile(r"\[[^\[\]]*\]|\([^()]*\)|[♪♫#*].*[♪♫#*]|[♪♫].*")


class Block(NamedTuple):
    """A subtitle: from when to when, in seconds, and what is said in it by whom."""

    start: float
    end: float
    parts: Sequence[Part]


def cues_of(path: Path, blocks: Sequence[Block], note: Note, expected: str) -> list[Cue]:
    """Return the cues of subtitles, in order of their start.

    One without a name goes on with the speaker before it; one of several parts becomes several
    cues of the same times. One that says again what the one before it said, and touches it, makes
    that one longer.

    Parameters
    ----------
    path : Path
    blocks : sequence of Block
    note : callable
        Gets sentences about what is unusual.
    expected : str
        The kind of file, for the sentence where nothing is said.

    Raises
    ------
    InputError
        If no block has text.
    """
    spoken = [block for block in blocks if block.parts]
    if not spoken:
        raise InputError(f"{path}: holds no subtitle with text, expected {expected}")
    if len(spoken) < len(blocks):
        note(f"{path}: {len(blocks) - len(spoken)} subtitles without text are left out")
    starts = [block.start for block in spoken]
    if starts != sorted(starts):
        note(f"{path}: subtitles are not in order of time; sorted by their start")
        spoken.sort(key=lambda block: block.start)
    cues = _without_repeats(path, list(_with_speakers(spoken)), note)
    _tell(path, spoken, cues, note)
    return cues


def _with_speakers(blocks: Sequence[Block]) -> Iterator[Cue]:
    speaker = UNNAMED
    for start, end, parts in blocks:
        for part in parts:
            speaker = part.speaker or speaker
            yield Cue(OTHER if part.is_other else speaker, part.text, start, end)


def _without_repeats(path: Path, cues: list[Cue], note: Note) -> list[Cue]:
    kept: list[Cue] = []
    for cue in cues:
        last = kept[-1] if kept else None
        if last and (last.speaker, last.text) == (cue.speaker, cue.text) and _touch(last, cue):
            kept[-1] = Cue(cue.speaker, cue.text, last.start, max(_end(last), _end(cue)))
        else:
            kept.append(cue)
    if len(kept) < len(cues):
        note(
            f"{path}: {len(cues) - len(kept)} subtitles say again what the one before them says, "
            "and follow it at once: read as one"
        )
    return kept


def _touch(last: Cue, cue: Cue) -> bool:
    return cue.start is not None and cue.start <= _end(last) + TOUCHING


def _end(cue: Cue) -> float:
    return 0.0 if cue.end is None else cue.end


def _tell(path: Path, blocks: Sequence[Block], cues: Sequence[Cue], note: Note) -> None:
    nameless = sum(not block.parts[0].speaker for block in blocks)
    shared = sum(any(part.is_other for part in block.parts) for block in blocks)
    if not any(part.speaker for block in blocks for part in block.parts):
        note(f"{path}: names no speakers (NAME: text, or <v NAME>): taken as one speaker's words")
    else:
        note(f"{path}: {speakers_of(cues)}")
        if nameless:
            note(
                f"{path}: {nameless} subtitles name no speaker: taken as the words of the one "
                "before"
            )
    _tell_unnamed(path, blocks, note)
    if shared:
        note(f"{path}: {shared} subtitles hold two speakers by their dashes; called {OTHER!r}")
    tell_sounds(path, cues, note)
    _tell_overlaps(path, blocks, note)


def _tell_unnamed(path: Path, blocks: Sequence[Block], note: Note) -> None:
    """Note what nobody is said to say, but begins as with a name."""
    nameless = (part.text for block in blocks for part in block.parts if not part.speaker)
    if unnamed := [text for text in nameless if may_name(text)]:
        note(
            f"{path}: {len(unnamed)} subtitles begin as with a name and are taken as words; the "
            f"first is {unnamed[0][:40]!r}"
        )


def speakers_of(cues: Sequence[Cue]) -> str:
    """Return "speakers Ann, Bob", in the order in which they begin to speak.

    Examples
    --------
    >>> speakers_of([Cue("Ann", "Hi"), Cue("Bob", "Hi")])
    'speakers Ann, Bob'
    """
    names = list(dict.fromkeys(cue.speaker for cue in cues))
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"speakers {', '.join(names[:_MOST_NAMED])}{more}"


def tell_sounds(path: Path, cues: Sequence[Cue], note: Note) -> None:
    """Note how many cues are sounds or songs, as ``[door slams]`` and ``♪ la la ♪``."""
    sounds = [cue.text for cue in cues if _SOUND.fullmatch(cue.text)]
    if sounds:
        note(
            f"{path}: {len(sounds)} utterances are sounds or songs by their marks, as "
            f"{sounds[0][:40]!r}: kept as they are"
        )


def _tell_overlaps(path: Path, blocks: Sequence[Block], note: Note) -> None:
    reached, overlapping = -1.0, 0
    for start, end, _ in blocks:
        overlapping += start < reached
        reached = max(reached, end)
    if overlapping:
        note(f"{path}: {overlapping} subtitles begin before the one before them ends")
