"""Where a run is farthest off, of targets beside classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.training.target_answers import TargetAnswers

MOST = 8  # utterances of each target


@dataclass(frozen=True)
class Miss:
    """One utterance, and how far the answer to it is from what is true.

    Parameters
    ----------
    name, speaker, words : str
        The words are empty where nobody knows them.
    truth, answer, off : str
        In a few words.
    """

    name: str
    speaker: str
    words: str
    truth: str
    answer: str
    off: str


@dataclass(frozen=True)
class Farthest:
    """The worst answers to one target, the worst first.

    Parameters
    ----------
    title : str
        Of the target.
    misses : sequence of Miss
    count : int
        Utterances of which something is known.
    """

    title: str
    misses: Sequence[Miss]
    count: int


def farthest(said: Sequence[TargetAnswers], dialogues: Dialogues) -> list[Farthest]:
    """Return where the answers to each target are farthest off, where anything is known.

    Parameters
    ----------
    said : sequence of TargetAnswers
        Of all N utterances of the dialogues.
    dialogues : Dialogues
    """
    return [_farthest(one, dialogues) for one in said if any(one.truths())]


def _farthest(said: TargetAnswers, dialogues: Dialogues) -> Farthest:
    far, truths, phrases = said.distances(), said.truths(), said.phrases()
    known = ~np.isnan(far)
    order = np.argsort(-np.where(known, far, 0.0), kind="stable")
    rows = [int(n) for n in order[:MOST] if far[n] > 0]
    misses = [
        Miss(
            dialogues.utterance_ids[n],
            dialogues.speaker_names[dialogues.speakers[n]],
            dialogues.words[n] if dialogues.words else "",
            truths[n],
            phrases[n],
            said.kind.off(said.spec, float(far[n])),
        )
        for n in rows
    ]
    return Farthest(said.title, misses, int(known.sum()))
