"""Utterances of a conversation with the emotions that a run found: JSON and subtitles."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ariigcn_dgl.answer import answer
from ariigcn_dgl.extract.spoken import Spoken
from ariigcn_dgl.training.target_answers import TargetAnswers
from ariigcn_dgl.transcripts.write import srt_block

UNSURE = 0.5  # an answer that is less probable is as likely wrong as right


@dataclass(frozen=True)
class Labelled:
    """Utterances and what a run says of them.

    Parameters
    ----------
    spoken : sequence of Spoken, length N
    modalities : sequence of tuples of str, length N
        Those that were there.
    probabilities : (N, C) array
    label_names : sequence of str, length C
    left_open : (N,) bool array, optional
        Those that get no class.
    bound : float
        An answer of a smaller probability is marked as unsure.
    targets : sequence of TargetAnswers
        The answers to targets beside the classes, or in their place: then C is 0.
    """

    spoken: Sequence[Spoken]
    modalities: Sequence[tuple[str, ...]]
    probabilities: np.ndarray
    label_names: Sequence[str]
    left_open: np.ndarray | None = None
    bound: float = UNSURE
    targets: Sequence[TargetAnswers] = ()

    @property
    def unsure(self) -> np.ndarray:
        """Which answers, (N,) bool, are less probable than the bound, or left open."""
        if not self.label_names:
            return np.zeros(len(self.spoken), bool)
        doubtful = self.probabilities.max(1) < self.bound
        return doubtful if self.left_open is None else doubtful | self.left_open

    @property
    def timed(self) -> bool:
        """Whether it is known of all utterances when they were said."""
        return all(one.start is not None and one.end is not None for one in self.spoken)

    def opens(self) -> Sequence[bool | None]:
        """Return whether each utterance is left open; None where that was not asked for."""
        return [None] * len(self.spoken) if self.left_open is None else self.left_open.tolist()


_MARKUP = re.compile(r"<(?=[/a-zA-Z])")  # not <3 or a < b


def as_records(labelled: Labelled) -> list[dict[str, Any]]:
    """Return one JSON object per utterance."""
    rows = zip(
        labelled.spoken,
        labelled.modalities,
        labelled.probabilities,
        labelled.opens(),
        _by_utterance(labelled),
        strict=True,
    )
    return [
        {
            "utterance": one.name,
            "start": one.start,
            "end": one.end,
            "when": one.when,
            "speaker": one.speaker,
            "text": one.text,
            "modalities": list(modalities),
        }
        | (answer(p, labelled.label_names, left_open) if labelled.label_names else {})
        | ({"targets": targets} if targets else {})
        for one, modalities, p, left_open, targets in rows
    ]


def _by_utterance(labelled: Labelled) -> list[dict[str, Any]]:
    """Return what is said of each utterance for each target beside the classes."""
    columns = [list(one.records()) for one in labelled.targets]
    names = [one.spec.name for one in labelled.targets]
    return [
        {name: column[n] for name, column in zip(names, columns, strict=True)}
        for n in range(len(labelled.spoken))
    ]


def said_of(labelled: Labelled) -> list[list[str]]:
    """Return in words what is said of each utterance for each target beside the classes."""
    columns = [[f"{one.title} {said}" for said in one.phrases()] for one in labelled.targets]
    return [[column[n] for column in columns] for n in range(len(labelled.spoken))]


def as_subtitles(labelled: Labelled) -> str:
    """Return SubRip subtitles whose texts begin with emotion and probability; "?" is left open.

    What is said for other targets follows, or stands in their place.

    Raises
    ------
    InputError
        If the times of an utterance are not known.
    """
    blocks = []
    rows = zip(
        labelled.spoken, labelled.probabilities, labelled.opens(), said_of(labelled), strict=True
    )
    for n, (one, p, left_open, others) in enumerate(rows, 1):
        emotions = []
        if labelled.label_names:
            name = labelled.label_names[int(p.argmax())]
            emotions = ["?" if left_open else f"{name} {100 * p.max():.0f} %"]
        # Players take a line with an arrow for one of times, and <b>, <v Ann> or </i for markup.
        words = f"[{'; '.join([*emotions, *others])}] {one.speaker}: {one.text}".replace("-->", "→")
        blocks.append(srt_block(n, *one.times, _MARKUP.sub("‹", words)))
    return "\n".join(blocks)
