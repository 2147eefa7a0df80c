"""Words with times of their own, put together to utterances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ariigcn_dgl.transcripts.cue import Cue

PAUSE = 0.8  # seconds without a word that end an utterance


class Word(NamedTuple):
    """A word, or several, said from `start` to `end`, in seconds."""

    start: float
    end: float
    text: str


def utterances_of(speaker: str, words: Sequence[Word]) -> list[Cue]:
    """Return what one speaker says, cut where nothing is said for `PAUSE` seconds.

    Examples
    --------
    >>> words = [Word(0.0, 0.4, "Oh"), Word(0.4, 0.8, "no."), Word(3.0, 3.5, "Yes.")]
    >>> [cue.text for cue in utterances_of("Ann", words)]
    ['Oh no.', 'Yes.']
    """
    cues: list[Cue] = []
    reached = float("-inf")
    for word in words:
        if cues and word.start - reached < PAUSE:
            last = cues[-1]
            cues[-1] = Cue(speaker, f"{last.text} {word.text}", last.start, max(reached, word.end))
        else:
            cues.append(Cue(speaker, word.text, word.start, word.end))
        reached = max(reached, word.end)
    return cues
