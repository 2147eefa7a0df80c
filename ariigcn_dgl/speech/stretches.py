"""Stretches of speech: from where to where somebody speaks, and what is recognised at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ariigcn_dgl.extract.media import SAMPLE_RATE
from ariigcn_dgl.speech.activity import STEP

BEGINS, ENDS = 0.5, 0.35  # probabilities at which speech does, as in Silero's own program
SHORTEST = 0.25  # seconds of speech; what is shorter is a click or a breath
PAUSE = 0.16  # seconds without speech that part two stretches
MARGIN = 0.05  # seconds that are kept before and after speech, less than half a pause
LONGEST = 28.0  # seconds that are recognised at once: Whisper hears 30
JOINED = 0.6  # seconds of pause within what is recognised at once
_SECONDS = STEP / SAMPLE_RATE


@dataclass(frozen=True)
class Stretch:
    """A part of a recording.

    Parameters
    ----------
    start, end : float
        Seconds from its beginning.
    """

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end - self.start

    def of(self, sound: np.ndarray) -> np.ndarray:
        """Return its sound, a view."""
        return sound[round(self.start * SAMPLE_RATE) : round(self.end * SAMPLE_RATE)]

    def overlap(self, other: Stretch) -> float:
        """Return the seconds that it shares with another.

        Examples
        --------
        >>> Stretch(0.0, 2.0).overlap(Stretch(1.5, 9.0)), Stretch(0.0, 1.0).overlap(Stretch(2, 3))
        (0.5, 0.0)
        """
        return max(0.0, min(self.end, other.end) - max(self.start, other.start))


def stretches_of(probabilities: np.ndarray) -> list[Stretch]:
    """Return the stretches of speech, in order, parted at pauses of `PAUSE` seconds.

    One that is longer than `LONGEST` is cut where speech is the least probable.

    Parameters
    ----------
    probabilities : (T,) array
        Of speech in each step.

    Examples
    --------
    >>> quiet, loud = [0.0] * 20, [1.0] * 20
    >>> [(round(s.start, 2), round(s.end, 2)) for s in stretches_of(np.array(quiet + loud + quiet))]
    [(0.59, 1.33)]
    """
    joined: list[tuple[int, int]] = []
    for first, end in _runs(probabilities):
        if joined and (first - joined[-1][1]) * _SECONDS < PAUSE:
            joined[-1] = joined[-1][0], end
        else:
            joined.append((first, end))
    spoken = [(a, b) for a, b in joined if (b - a) * _SECONDS >= SHORTEST]
    most, total = int(LONGEST / _SECONDS), len(probabilities) * _SECONDS
    found = []
    for first, end in spoken:
        cuts = [first, *_cuts(probabilities, first, end, most), end]
        for a, b in pairwise(cuts):
            before, after = MARGIN * (a == first), MARGIN * (b == end)
            start = max(0.0, a * _SECONDS - before)
            found.append(Stretch(start, min(total, b * _SECONDS + after)))
    return found


def grouped(stretches: Sequence[Stretch]) -> list[Stretch]:
    """Return what is recognised at once: neighbours together, at most `LONGEST` seconds.

    Examples
    --------
    >>> grouped([Stretch(0.0, 2.0), Stretch(2.3, 4.0), Stretch(9.0, 10.0)])
    [Stretch(start=0.0, end=4.0), Stretch(start=9.0, end=10.0)]
    """
    groups: list[Stretch] = []
    for one in stretches:
        if groups and one.start - groups[-1].end <= JOINED:
            whole = Stretch(groups[-1].start, one.end)
            if whole.seconds <= LONGEST:
                groups[-1] = whole
                continue
        groups.append(one)
    return groups


def _runs(probabilities: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield from which to which step speech goes on, once it has begun."""
    first = None
    for step, probability in enumerate(probabilities):
        if first is None and probability >= BEGINS:
            first = step
        elif first is not None and probability < ENDS:
            yield first, step
            first = None
    if first is not None:
        yield first, len(probabilities)


def _cuts(probabilities: np.ndarray, first: int, end: int, most: int) -> Iterator[int]:
    """Yield where to cut a run, so that no part is longer than `most` steps."""
    while end - first > most:
        middle = first + most // 2
        first = middle + int(probabilities[middle : first + most].argmin())
        yield first
