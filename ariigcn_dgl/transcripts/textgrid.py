"""Praat's TextGrids, long and short: a tier for each speaker, or tiers ``Ann - words``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.notes import Note
from ariigcn_dgl.transcripts.blocks import UNNAMED, speakers_of
from ariigcn_dgl.transcripts.cue import Cue
from ariigcn_dgl.transcripts.source import Source
from ariigcn_dgl.transcripts.word_times import Word, utterances_of

# Strings, with quotation marks doubled, flags, and numbers that stand free; all else is comment.
_TOKEN = re.compile(r'"(?:[^"]|"")*"|<\w+>|(?<!\S)-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?!\S)|![^\n]*')
_SEPARATOR = re.compile(r"\s+-\s+|\s*[/_|]\s*(?=(?:words?|phones?|phrases?|utterances?)$)", re.I)
# What a speaker's tiers may be about, the best first.
_LEVELS = ("utterance", "sentence", "phrase", "transcript", "text", "", "word")
_PAUSES = ("sp", "sil", "spn")  # what forced alignment writes where no word is
_LOWER = ("phone", "phoneme", "segment", "syllable", "pos", "lemma")


class _Tier(NamedTuple):
    name: str
    spans: list[Word]


def is_textgrid(source: Source) -> bool:
    """Whether a file says that it is a TextGrid."""
    return '"TextGrid"' in source.text[:400]


def read_textgrid(source: Source, note: Note) -> list[Cue]:
    """Return the cues of all speakers, in order of their start; tiers that are not used are named.

    Raises
    ------
    InputError
        If the file is malformed or nothing is said in it.
    """
    tiers = list(_tiers(source, note))
    chosen = _chosen(source, tiers, note)
    cues = [cue for speaker, tier in chosen for cue in _cues(speaker, tier)]
    if not cues:
        raise InputError(f"{source.path}: no tier has text, expected intervals with what is said")
    cues.sort(key=lambda cue: cue.start or 0.0)
    note(f"{source.path}: {speakers_of(cues)}, from tiers {', '.join(t.name for _, t in chosen)}")
    return cues


class _Tokens:
    """The strings and numbers of a TextGrid, in their order."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.found = (one for one in _TOKEN.finditer(source.text) if not one[0].startswith("!"))

    def text(self) -> str:
        return self._next("a text in quotation marks", '"')[1:-1].replace('""', '"')

    def number(self) -> float:
        token = self._next("a number", "-0123456789")
        return float(token)

    def flag(self) -> str:
        return self._next("<exists>", "<")

    def count(self) -> int:
        number = self.number()
        if not 0 <= number <= len(self.source.text):
            raise InputError(
                f"{self.source.path}: malformed TextGrid: {number:g} tiers or intervals"
            )
        return int(number)

    def _next(self, expected: str, begins: str) -> str:
        found = next(self.found, None)
        if found is None:
            raise InputError(f"{self.source.path}: truncated TextGrid: ends before {expected}")
        if found[0][0] not in begins:
            line = self.source.text.count("\n", 0, found.start()) + 1
            raise InputError(
                f"{self.source.path}: line {line}: malformed TextGrid: {found[0][:40]!r}, "
                f"expected {expected}"
            )
        return found[0]


def _tiers(source: Source, note: Note) -> Iterator[_Tier]:
    tokens = _Tokens(source)
    for expected in ("ooTextFile", "TextGrid"):
        if (found := tokens.text()) != expected:
            raise InputError(f"{source.path}: malformed TextGrid: {found[:40]!r}, not {expected}")
    tokens.number(), tokens.number()
    if tokens.flag() != "<exists>":
        return
    for _ in range(tokens.count()):
        kind, name = tokens.text(), " ".join(tokens.text().split())
        tokens.number(), tokens.number()
        if kind == "IntervalTier":
            spans = [_interval(source, tokens) for _ in range(tokens.count())]
            yield _Tier(name, [span for span in spans if span.text])
            continue
        points = [(tokens.number(), tokens.text()) for _ in range(tokens.count())]
        note(f"{source.path}: tier {name!r} has {len(points)} points, no intervals: left out")


def _interval(source: Source, tokens: _Tokens) -> Word:
    start, end = tokens.number(), tokens.number()
    text = " ".join(tokens.text().split())
    if not 0 <= start <= end:
        raise InputError(
            f"{source.path}: the interval {text[:40]!r} lasts from {start:g} to {end:g} s, "
            "expected 0 <= start <= end"
        )
    return Word(start, end, text)


def _chosen(source: Source, tiers: list[_Tier], note: Note) -> list[tuple[str, _Tier]]:
    """Return the best tier of each speaker."""
    best: dict[str, tuple[int, _Tier]] = {}
    for tier in tiers:
        speaker, level = _speaker_and_level(tier.name)
        rank = _rank(level)
        if rank is not None and (speaker not in best or rank < best[speaker][0]) and tier.spans:
            best[speaker] = (rank, tier)
    used = [tier for _, tier in best.values()]
    for tier in tiers:
        if tier.spans and not any(tier is one for one in used):
            note(
                f"{source.path}: tier {tier.name!r} ({len(tier.spans)} intervals with text) is not "
                "what somebody says, or another says the same: left out"
            )
    return [(speaker, tier) for speaker, (_, tier) in best.items()]


def _speaker_and_level(name: str) -> tuple[str, str]:
    *speaker, last = _SEPARATOR.split(name)
    level = last.lower().rstrip("s")
    if level in _LEVELS + _LOWER:
        return " - ".join(speaker) or UNNAMED, level
    return name or UNNAMED, ""


def _rank(level: str) -> int | None:
    return _LEVELS.index(level) if level in _LEVELS else None


def _cues(speaker: str, tier: _Tier) -> list[Cue]:
    if _speaker_and_level(tier.name)[1] == "word":
        words = [span for span in tier.spans if span.text.strip("<>").lower() not in _PAUSES]
        return utterances_of(speaker, words)
    return [Cue(speaker, span.text, span.start, span.end) for span in tier.spans]
