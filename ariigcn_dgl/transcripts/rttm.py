"""Who speaks when, without words: NIST's RTTM; and words with times, NIST's CTM."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.notes import Note
from ariigcn_dgl.transcripts.blocks import UNNAMED, speakers_of
from ariigcn_dgl.transcripts.cue import Cue
from ariigcn_dgl.transcripts.source import Source, read_source
from ariigcn_dgl.transcripts.word_times import Word, utterances_of

_RTTM = re.compile(r"\s*SPEAKER\s+\S+\s+\S+\s+[\d.]+\s+[\d.]+\s")
_CTM = re.compile(r"\s*\S+\s+\S+\s+\d+(?:\.\d+)?\s+\d+(?:\.\d+)?\s+\S+(?:\s+\S+)?\s*")
_COMMENT = (";;", "#")


class Turn(NamedTuple):
    """A stretch of time, in seconds, in which somebody speaks."""

    start: float
    end: float
    speaker: str
    channel: str = ""


def is_rttm(source: Source) -> bool:
    """Whether a file is RTTM."""
    return source.suffix == ".rttm" or any(map(_RTTM.match, source.lines[:20]))


def refuse_rttm(source: Source, note: Note) -> list[Cue]:
    """Raise `InputError`: it has no words, but is used beside a file that has them."""
    raise InputError(
        f"{source.path}: says who speaks when, but not what: give the file with the words (.srt, "
        f".ctm, .txt) as {source.path.stem}.*; the .rttm beside it is found by its name"
    )


def is_ctm(source: Source) -> bool:
    """Whether a file is CTM: file, channel, start, length, word, and perhaps a confidence."""
    if source.suffix == ".ctm":
        return True
    said = _rows(source)
    return len(said) > 1 and all(_CTM.fullmatch(line) for line in said[:20])


def read_ctm(source: Source, note: Note) -> list[Cue]:
    """Return the utterances of the words; by the speakers of the RTTM beside it, if there is one.

    Without one, each of several channels is a speaker.

    Raises
    ------
    InputError
        If a line is malformed, there are none, or they are of several recordings.
    """
    channels = _words_of_channels(source)
    turns = _turns_beside(source.path, note)
    cues = [
        cue
        for channel, words in channels.items()
        for cue in _cues_of_channel(channel if len(channels) > 1 else "", words, turns)
    ]
    if not turns and len(channels) == 1:
        note(f"{source.path}: names no speakers: taken as one speaker's words, cut at pauses")
    elif not turns:
        named = ", ".join(sorted(channels))
        note(f"{source.path}: names no speakers, but channels ({named}): a speaker for each")
    return sorted(cues, key=lambda cue: cue.start or 0.0)


def _words_of_channels(source: Source) -> dict[str, list[Word]]:
    """Return the words of each channel, in order of their start."""
    channels: dict[str, list[Word]] = {}
    recordings: dict[str, None] = {}
    for number, line in enumerate(source.lines, 1):
        if not line.strip() or line.lstrip().startswith(_COMMENT):
            continue
        if not _CTM.fullmatch(line):
            raise InputError(
                f"{source.path}: line {number}: expected file, channel, start, length, word"
            )
        recording, channel, start, length, word, *_ = line.split()
        recordings[recording] = None
        spoken = Word(float(start), float(start) + float(length), word)
        channels.setdefault(channel, []).append(spoken)
    if not channels:
        raise InputError(f"{source.path}: holds no word")
    if len(recordings) > 1:
        listed = ", ".join(list(recordings)[:5]) + ", ..." * (len(recordings) > 5)
        raise InputError(
            f"{source.path}: holds the words of {len(recordings)} recordings ({listed}), expected "
            "those of one"
        )
    return {channel: sorted(words) for channel, words in channels.items()}


def _cues_of_channel(channel: str, words: Sequence[Word], turns: Sequence[Turn]) -> list[Cue]:
    """Return the utterances of one of several channels, or of the only one, which is ""."""
    if not turns:
        return utterances_of(f"channel {channel}" if channel else UNNAMED, words)
    own = [turn for turn in turns if channel and turn.channel == channel]
    return _by_turns(words, own or turns)


def with_speakers(path: Path, cues: list[Cue], note: Note) -> list[Cue]:
    """Return cues that name nobody with the speakers of the RTTM of the same name beside them.

    A cue with times gets who speaks most of it. Cues without times get those of the turns, where
    there are as many.
    """
    if path.suffix.lower() in (".rttm", ".ctm") or not path.with_suffix(".rttm").is_file():
        return cues
    turns = _turns_beside(path, note)
    if any(cue.speaker != UNNAMED for cue in cues):
        note(f"{path.with_suffix('.rttm')}: not used, {path.name} names its speakers")
        return cues
    if all(cue.start is not None for cue in cues):
        return _most_of(path, cues, turns, note)
    if len(turns) != len(cues):
        raise InputError(
            f"{path.with_suffix('.rttm')}: has {len(turns)} turns for the {len(cues)} lines of "
            f"{path.name}, which have no times: expected as many, or lines with times"
        )
    pairs = zip(cues, turns, strict=True)
    named = [replace(c, speaker=t.speaker, start=t.start, end=t.end) for c, t in pairs]
    beside = path.with_suffix(".rttm").name
    note(f"{path}: {speakers_of(named)}, by {beside}: a turn of it for each line, in order")
    return named


def _most_of(path: Path, cues: list[Cue], turns: Sequence[Turn], note: Note) -> list[Cue]:
    found = [_speaker_of(cue.start or 0.0, cue.end or 0.0, turns) for cue in cues]
    unknown = sum(speaker is None for speaker in found)
    named, speaker = [], UNNAMED
    for cue, who in zip(cues, found, strict=True):
        speaker = who or speaker
        named.append(replace(cue, speaker=speaker))
    note(f"{path}: {speakers_of(named)}, by {path.with_suffix('.rttm').name}")
    if unknown:
        note(f"{path}: {unknown} utterances lie in nobody's turn: taken as of the one before")
    return named


def _speaker_of(start: float, end: float, turns: Sequence[Turn]) -> str | None:
    spoken: dict[str, float] = {}
    for turn in turns:
        shared = min(end, turn.end) - max(start, turn.start)
        if shared > 0 or (shared == 0 and start == end):
            spoken[turn.speaker] = spoken.get(turn.speaker, 0.0) + shared
    return max(spoken, key=lambda name: spoken[name]) if spoken else None


def _by_turns(words: Sequence[Word], turns: Sequence[Turn]) -> list[Cue]:
    """Return the words, cut where another speaks or at a pause."""
    cues: list[Cue] = []
    speaker, run = UNNAMED, list[Word]()
    for word in words:
        who = _speaker_of(word.start, word.end, turns) or speaker
        if run and who != speaker:
            cues += utterances_of(speaker, run)
            run = []
        speaker = who
        run.append(word)
    return cues + utterances_of(speaker, run)


def _turns_beside(path: Path, note: Note) -> list[Turn]:
    beside = path.with_suffix(".rttm")
    return read_turns(read_source(beside, note)) if beside.is_file() else []


def read_turns(source: Source) -> list[Turn]:
    """Return the turns of an RTTM file, in order of their start.

    Raises
    ------
    InputError
        If a line is malformed, there are none, or they are of several recordings.
    """
    turns, files = [], set()
    for number, line in enumerate(source.lines, 1):
        if not line.lstrip().startswith("SPEAKER"):
            continue
        fields = line.split()
        try:
            start, length, speaker = float(fields[3]), float(fields[4]), fields[7]
        except (ValueError, IndexError) as error:
            raise InputError(
                f"{source.path}: line {number}: expected SPEAKER file channel start length <NA> "
                "<NA> name <NA> <NA>"
            ) from error
        files.add(fields[1])
        turns.append(Turn(start, start + length, speaker, fields[2]))
    if len(files) != 1:
        raise InputError(
            f"{source.path}: holds the turns of {len(files)} recordings, expected those of one"
        )
    return sorted(turns)


def _rows(source: Source) -> list[str]:
    return [x for x in source.lines[:200] if x.strip() and not x.lstrip().startswith(_COMMENT)]
