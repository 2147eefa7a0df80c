"""From words with times, and turns of speakers, to utterances."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ariigcn_dgl.speech.recogniser import Piece
from ariigcn_dgl.speech.stretches import Stretch
from ariigcn_dgl.speech.voices import Turn

PAUSE = 0.7  # seconds that end an utterance
LONG, BREATH = 12.0, 0.3  # seconds of an utterance, after which a shorter pause ends it, too
BRIEF = 0.4  # seconds of another's turn within one that is taken for an error
_ENDS = tuple(".?!…。？！")


@dataclass(frozen=True)
class Utterance:
    """What one speaker says without a long pause.

    Parameters
    ----------
    start, end : float
        Seconds from the beginning of the recording.
    speaker : int
        From 0.
    text : str
    """

    start: float
    end: float
    speaker: int
    text: str


def utterances_of(pieces: Sequence[Piece], turns: Sequence[Turn]) -> list[Utterance]:
    """Return the utterances of recognised pieces: cut at changes of speaker and at pauses.

    Parameters
    ----------
    pieces : sequence of Piece
        In order, with times of the recording.
    turns : sequence of Turn
        In order; at least one. A piece is said by whom it overlaps the most.

    Examples
    --------
    >>> words = [Piece(0.0, 0.4, " Hi"), Piece(0.4, 0.9, " Bo!"), Piece(1.1, 1.5, " Hi!")]
    >>> for one in utterances_of(words, [Turn(0.0, 1.0, 0), Turn(1.0, 1.6, 1)]):
    ...     print(one)
    Utterance(start=0.0, end=0.9, speaker=0, text='Hi Bo!')
    Utterance(start=1.1, end=1.5, speaker=1, text='Hi!')
    """
    speakers = _smoothed(pieces, _speakers(pieces, turns))
    found: list[Utterance] = []
    for piece, speaker in zip(pieces, speakers, strict=True):
        if found and not _begins(found[-1], piece, speaker):
            longer = found[-1].text + piece.text
            found[-1] = replace(found[-1], end=max(piece.end, found[-1].end), text=longer)
        else:
            found.append(Utterance(piece.start, piece.end, speaker, piece.text))
    tidy = (replace(one, text=" ".join(one.text.split())) for one in found)
    return [one for one in tidy if one.text]


def _begins(last: Utterance, piece: Piece, speaker: int) -> bool:
    """Whether a piece begins a new utterance."""
    pause = piece.start - last.end
    if speaker != last.speaker or pause >= PAUSE:
        return True
    is_long = last.end - last.start >= LONG
    return is_long and (pause >= BREATH or last.text.rstrip().endswith(_ENDS))


def _speakers(pieces: Sequence[Piece], turns: Sequence[Turn]) -> list[int]:
    """Return by whom each piece is said."""
    starts, ends = [turn.start for turn in turns], [turn.end for turn in turns]
    found = []
    for piece in pieces:
        part = Stretch(piece.start, piece.end)

        def nearness(turn: Turn, part: Stretch = part) -> tuple[float, float]:
            return turn.overlap(part), -max(turn.start - part.end, part.start - turn.end)

        first, last = bisect_left(ends, piece.start), bisect_left(starts, piece.end)
        found.append(max(turns[max(0, first - 1) : last + 1], key=nearness).speaker)
    return found


def _smoothed(pieces: Sequence[Piece], speakers: list[int]) -> list[int]:
    """Return the speakers; a brief run within another's words is that one's.

    The edge of a turn is known to some tenths of a second, which a single short word does not
    outlast.
    """
    found = list(speakers)
    for first, end in _runs(speakers):
        within = first > 0 and end < len(speakers) and found[first - 1] == speakers[end]
        if within and pieces[end - 1].end - pieces[first].start < BRIEF:
            before = pieces[first].start - pieces[first - 1].end
            after = pieces[end].start - pieces[end - 1].end
            if max(before, after) < BREATH:
                found[first:end] = [found[first - 1]] * (end - first)
    return found


def _runs(speakers: Sequence[int]) -> Iterator[tuple[int, int]]:
    first = 0
    for n in range(1, len(speakers) + 1):
        if n == len(speakers) or speakers[n] != speakers[first]:
            yield first, n
            first = n
