"""Who speaks when: embeddings of windows of speech, clustered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np

from ariigcn_dgl.extract.media import SAMPLE_RATE
from ariigcn_dgl.extract.voice import HOP, VoiceEncoder, as_loud, mel_frames
from ariigcn_dgl.progress import track
from ariigcn_dgl.speech.stretches import Stretch

WINDOW, STEP = 1.6, 0.4  # seconds that a window hears, and between two of them
_FRAMES_PER_SECOND = SAMPLE_RATE / HOP


@dataclass(frozen=True)
class Turn(Stretch):
    """A stretch in which one speaker speaks.

    Parameters
    ----------
    start, end : float
    speaker : int
        From 0, in order of speaking.
    """

    speaker: int = 0


def windows_of(stretch: Stretch) -> list[Stretch]:
    """Return the windows of a stretch of speech, evenly spaced; a short stretch is one window.

    Examples
    --------
    >>> windows_of(Stretch(1.0, 3.0))
    [Stretch(start=1.0, end=2.6), Stretch(start=1.4, end=3.0)]
    """
    rest = stretch.seconds - WINDOW
    if rest < STEP / 2:
        return [stretch]
    starts = np.linspace(stretch.start, stretch.end - WINDOW, round(rest / STEP) + 1)
    return [Stretch(float(start), float(start) + WINDOW) for start in starts]


def embeddings_of(
    sound: np.ndarray, windows: Sequence[Sequence[Stretch]], encoder: VoiceEncoder
) -> np.ndarray:
    """Return the embeddings, (N, 256) of length 1, of the windows of stretches, in their order."""
    found = []
    for group in track(windows, "stretches of voices"):
        whole = Stretch(group[0].start, group[-1].end)
        frames = mel_frames(as_loud(whole.of(sound)))
        at = [round((w.start - whole.start) * _FRAMES_PER_SECOND) for w in group]
        size = round(min(WINDOW, whole.seconds) * _FRAMES_PER_SECOND)
        found.append(encoder.embed([frames[a : a + size] for a in at]))
    return np.concatenate(found)


def turns_of(windows: Sequence[Sequence[Stretch]], speakers: Sequence[int]) -> list[Turn]:
    """Return the turns of stretches of speech whose windows have speakers.

    A turn ends in the middle between two windows of different speakers, and with its stretch.

    Examples
    --------
    >>> turns_of([[Stretch(0.0, 1.6), Stretch(0.4, 2.0), Stretch(0.8, 2.4)]], [0, 1, 1])
    [Turn(start=0.0, end=1.0, speaker=0), Turn(start=1.0, end=2.4, speaker=1)]
    """
    numbers = iter(speakers)
    return [turn for group in windows for turn in _turns(group, [next(numbers) for _ in group])]


def _turns(group: Sequence[Stretch], speakers: Sequence[int]) -> Iterator[Turn]:
    middles = [(w.start + w.end) / 2 for w in group]
    cuts = [n + 1 for n, (a, b) in enumerate(pairwise(speakers)) if a != b]
    bounds = [round((middles[n - 1] + middles[n]) / 2, 3) for n in cuts]
    edges = [group[0].start, *bounds, group[-1].end]
    order = [speaker for speaker, _ in groupby(speakers)]
    for (start, end), speaker in zip(pairwise(edges), order, strict=True):
        yield Turn(start, end, speaker)
