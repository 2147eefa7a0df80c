"""Who says what within one subtitle: names, voices and dashes before its lines."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

_VOICE = re.compile(r"<v(?:\.[^\s<>]*)?\s+([^<>]+)>")
# Markup of SubRip and WebVTT; anything else between < and > was said.
_TAG = re.compile(
    r"</?(?:i|b|u|s|font|c|v|lang|ruby|rt)(?:[.\s][^<>]*)?>|<[\d:.]+>|\{\\[^{}]*\}", re.IGNORECASE
)
_OPEN = re.compile(r"<(?:v|c|lang|font)(?:[.\s][^<>]*)?$", re.IGNORECASE)
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_DASH = re.compile(r"(?:[-–—]\s*(?![-–—\d])|>{2,3}\s*)(?=\S)")

_WORD = r"[^\W_][\w.'’-]*"
_ASIDE = r"(?:\s?(?:\([^()]*\)|\[[^\[\]]*\]))?"  # TOM (V.O.): ...
_NAME = rf"({_WORD}(?: (?:{_WORD}|#\d+|[&+])){{0,6}}){_ASIDE}"
_NAMED = re.compile(rf"{_NAME}\s?(:\s+|：\s*|:(?![\d/]))(\S.*)")
_ALONE = re.compile(rf"{_NAME}\s?[:：]")
# What may be a name: ann, "Lee, Ann", ann@example.org; which it is, its use tells.
_BEFORE_COLON = re.compile(rf"([^:：<>\[\](){{}}]{{1,60}}?){_ASIDE}\s?(?::\s+|：\s*)(\S.*)")
# As programs that tell voices apart write it; elsewhere brackets hold sounds.
_BRACKETED = re.compile(r"(?:\[([^\]]+)\]|\(([^)]+)\))(:?)\s*(\S.*)")
_NUMBERED = re.compile(r"(?:speaker|spk|spkr)[ _-]?\w{1,3}", re.IGNORECASE)
_MOST_WORDS = 3
_MOST_WORDS_EVERYWHERE = 4  # of a name where all subtitles begin with one
MOST_WORDS_REPEATED = 8  # of one that is there several times
# Words of a name that may be small, and that do not count.
_PARTICLES = frozenset(
    {"van", "der", "den", "de", "von", "zu", "di", "da", "del", "della", "la", "le", "el", "al"}
    | {"bin", "ibn", "y"}
)
_JOINERS = frozenset({"&", "+", "and", "und", "et"})


class Part(NamedTuple):
    """What one speaker says in a subtitle.

    Parameters
    ----------
    speaker : str
        Empty where it is not said: the speaker before goes on.
    text : str
    is_other : bool
        Whether a dash alone says that someone else answers.
    """

    speaker: str
    text: str
    is_other: bool = False


class _Piece(NamedTuple):
    voice: str
    dash: str
    words: str


def parts_of(lines: Sequence[str], known: frozenset[str] = frozenset()) -> list[Part]:
    """Return the parts of a subtitle's lines, in their order; those without text are left out.

    Parameters
    ----------
    lines : sequence of str
    known : frozenset of str
        Names that are told by their use in the whole file, of `names_of`.

    Examples
    --------
    >>> [tuple(part) for part in parts_of(["ANN: <i>Hello,</i>", "you.", "BOB: Hi."])]
    [('ANN', 'Hello, you.', False), ('BOB', 'Hi.', False)]
    >>> [tuple(part) for part in parts_of(["- Where were you?", "- At home."])]
    [('', 'Where were you?', False), ('', 'At home.', True)]
    """
    pieces = _pieces_of(lines)
    shared = any(piece.dash for piece in pieces[1:])
    parts: list[Part] = []
    waiting, turn = "", 0
    for place, piece in enumerate(pieces):
        if not piece.voice and place + 1 < len(pieces) and (name := _alone(piece.words, known)):
            waiting = name
            continue
        speaker, words = _spoken(piece, shared, known)
        speaker, waiting = speaker or waiting, ""
        turn += bool(piece.dash) and bool(parts)
        if parts and not speaker and not (shared and piece.dash):
            parts[-1] = parts[-1]._replace(text=f"{parts[-1].text} {piece.dash}{words}")
        elif speaker or shared:
            parts.append(Part(speaker, words, not speaker and turn % 2 == 1))
        else:
            parts.append(Part("", f"{piece.dash}{words}"))
    return parts


def names_of(subtitles: Iterable[Sequence[str]]) -> frozenset[str]:
    """Return names of any form by their use: before a colon several times, or in all subtitles.

    Parameters
    ----------
    subtitles : iterable of sequence of str
        The lines of each.

    Examples
    --------
    >>> sorted(names_of([["ann: Hi"], ["Lee, Bo: Ho"]])), names_of([["he said: Hi"], ["Ho"]])
    (['Lee, Bo', 'ann'], frozenset())
    """
    told = [pieces for lines in subtitles if (pieces := _pieces_of(lines))]
    firsts = [_before_colon(pieces[0]) for pieces in told]
    likely = (is_short_name(x, _MOST_WORDS_EVERYWHERE) and not _is_sentence(x) for x in firsts)
    if len(told) > 1 and all(likely):
        return frozenset(firsts)
    counts = Counter(filter(None, (_before_colon(piece) for pieces in told for piece in pieces)))
    mostly = 2 * sum(map(bool, firsts)) > len(told)  # else "and he said" may be there twice
    return frozenset(
        name
        for name, count in counts.items()
        if count > 1
        and is_short_name(name, MOST_WORDS_REPEATED)
        and (mostly or not _is_phrase(name))
    )


def may_name(words: str) -> bool:
    """Whether words that were taken as said begin as with a name.

    Examples
    --------
    >>> may_name("ann: Hi"), may_name("Lee, Ann: Hi"), may_name("And he said: go")
    (True, True, False)
    """
    found = _BEFORE_COLON.fullmatch(words)
    if not found or _is_sentence(found[1]):
        return False
    return is_short_name(found[1], _MOST_WORDS if _is_phrase(found[1]) else MOST_WORDS_REPEATED)


def _before_colon(piece: _Piece) -> str:
    found = None if piece.voice else _BEFORE_COLON.fullmatch(piece.words)
    return found[1].strip() if found else ""


def is_short_name(name: str, most_words: int) -> bool:
    """Whether so many words may be a name.

    Examples
    --------
    >>> is_short_name("Ann Lee", 3), is_short_name("--", 3), is_short_name("one two three", 2)
    (True, False, False)
    """
    # Beyond ASCII pictures are names, too.
    return 0 < len(name.split()) <= most_words and any(x.isalnum() or x > "\u2fff" for x in name)


def _is_sentence(name: str) -> bool:
    """Whether words begin with a capital and go on in small letters."""
    return _is_phrase(name) and name != name.lower()


def _is_phrase(name: str) -> bool:
    """Whether several words have small letters, as in "and he said"."""
    words = [word for word in name.split() if word not in _PARTICLES | _JOINERS]
    return len(words) > 1 and any(word[0].islower() for word in words)


def _pieces_of(lines: Sequence[str]) -> list[_Piece]:
    return [piece for line in _with_whole_tags(lines) for piece in _pieces(line)]


def _spoken(piece: _Piece, shared: bool, known: frozenset[str]) -> tuple[str, str]:
    """Return who speaks, or nothing, and the words."""
    if not piece.voice:
        found = _BEFORE_COLON.fullmatch(piece.words)
        speaker, words = named(piece.words)
        if not speaker and found and found[1].strip() in known:
            return found[1].strip(), found[2]
        return speaker, words
    return piece.voice, piece.words if shared else piece.dash + piece.words


def _with_whole_tags(lines: Sequence[str]) -> list[str]:
    """Return the lines, joined where markup begins in one and ends in the next."""
    whole: list[str] = []
    for line in lines:
        if whole and ">" in line and _OPEN.search(whole[-1]):
            whole[-1] += f" {line}"
        else:
            whole.append(line)
    return whole


def _pieces(line: str) -> Iterator[_Piece]:
    """Yield the words of each voice of a line, without markup."""
    split = _VOICE.split(line)  # text before the first voice, then name, text, name, text ...
    for voice, raw in [("", split[0]), *zip(split[1::2], split[2::2], strict=True)]:
        words = " ".join(html.unescape(_TAG.sub("", _BREAK.sub(" ", raw))).split())
        if words:
            found = _DASH.match(words)
            dash = found[0] if found else ""
            name = " ".join(html.unescape(_TAG.sub("", voice)).split())
            yield _Piece(name, dash, words[len(dash) :])


def named(words: str) -> tuple[str, str]:
    """Return the speaker, or nothing, and the rest of ``NAME: rest`` or ``[SPEAKER_00] rest``.

    Examples
    --------
    >>> named("TOM (V.O.): Late."), named("[SPEAKER_01] Late."), named("[sighs] Late.")
    (('TOM', 'Late.'), ('SPEAKER_01', 'Late.'), ('', '[sighs] Late.'))
    """
    found = _BRACKETED.fullmatch(words)
    if found:
        name = (found[1] or found[2]).strip()
        if _NUMBERED.fullmatch(name) or (found[3] and _is_name(name)):
            return name, found[4]
    found = _NAMED.fullmatch(words)
    if not found or not _is_name(found[1]):
        return "", words
    # Without a space after the colon only capitals, or letters that have none, are a name.
    if found[2] == ":" and found[1] != found[1].upper():
        return "", words
    return found[1], found[3]


def _alone(words: str, known: frozenset[str]) -> str:
    if words[-1:] in ":：" and words[:-1].strip() in known:
        return words[:-1].strip()
    found = _ALONE.fullmatch(words)
    return found[1] if found and _is_name(found[1]) else ""


def _is_name(name: str) -> bool:
    words = [word for word in name.split() if word not in _JOINERS]
    inner = [word for word in words[1:-1] if word in _PARTICLES]
    own = len(words) - len(inner)
    people = 1 + sum(word in _JOINERS for word in name.split())
    capitalised = all(not word[0].islower() for word in words if word not in inner)
    return capitalised and any(map(str.isalnum, name)) and own <= _MOST_WORDS * people
