"""What a run takes for what, with examples."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ariigcn_dgl.report.inside import Inside

PAIRS, EXAMPLES = 6, 3


@dataclass(frozen=True)
class Example:
    """One utterance that was taken for something else.

    Parameters
    ----------
    dialogue, place : int
        Of the shown dialogues, and of the utterance in it.
    name, speaker, words : str
        The words are empty where nobody knows them.
    confidence : float
        Of the wrong class, in percent.
    """

    dialogue: int
    place: int
    name: str
    speaker: str
    words: str
    confidence: float


@dataclass(frozen=True)
class Mistake:
    """One class taken for another: how often, and the surest cases.

    Parameters
    ----------
    truth, guess : int
        Classes.
    count, total : int
        Utterances of the true class that were taken for the other one; all of them.
    examples : sequence of Example
    """

    truth: int
    guess: int
    count: int
    total: int
    examples: Sequence[Example]


def mistakes(inside: Inside) -> list[Mistake]:
    """Return the most frequent confusions of a run, the surest examples of each first."""
    dialogues = inside.dialogues
    totals = np.bincount(dialogues.labels[dialogues.labels >= 0], minlength=dialogues.num_classes)
    found: dict[tuple[int, int], list[Example]] = defaultdict(list)
    for b, answer in enumerate(inside.answers):
        rows = dialogues.rows(b)
        for place, row in enumerate(range(rows.start, rows.stop)):
            truth, guess = int(dialogues.labels[row]), int(answer.probabilities[place].argmax())
            if truth < 0 or truth == guess:
                continue
            found[truth, guess].append(
                Example(
                    b,
                    place,
                    dialogues.utterance_ids[row],
                    dialogues.speaker_names[dialogues.speakers[row]],
                    dialogues.words[row] if dialogues.words else "",
                    100 * float(answer.probabilities[place, guess]),
                )
            )
    ordered = sorted(found.items(), key=lambda one: (-len(one[1]), one[0]))
    return [
        Mistake(
            *pair,
            len(examples),
            int(totals[pair[0]]),
            sorted(examples, key=lambda one: -one.confidence)[:EXAMPLES],
        )
        for pair, examples in ordered[:PAIRS]
    ]
