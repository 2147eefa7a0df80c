"""What the dialogue browser of the pages shows: conversations, and runs' answers to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.palette import slots

DIGITS = 3  # of probabilities and attention: the page shows whole percents


@dataclass(frozen=True)
class Utterance:
    """One utterance as it is shown.

    Parameters
    ----------
    name : str
        Its id.
    speaker : str
    label : str or None
        True class, None where unknown.
    start, end : float or None
        Seconds from the beginning of the recording; None where unknown.
    text : str
        What was said; empty where unknown.
    modalities : sequence of str
        Those that the utterance has; empty where unknown.
    when : str
        Date and time as the log of a chat writes them; empty where unknown.
    """

    name: str
    speaker: str
    label: str | None = None
    start: float | None = None
    end: float | None = None
    text: str = ""
    modalities: Sequence[str] = ()
    when: str = ""


@dataclass(frozen=True)
class Conversation:
    """One dialogue as it is shown.

    Parameters
    ----------
    name : str
    utterances : sequence of Utterance
        In order. Either all of them have times or none.

    Raises
    ------
    InputError
        If there is no utterance, some have times and others do not, or a time is impossible.
    """

    name: str
    utterances: Sequence[Utterance]

    def __post_init__(self) -> None:
        if not self.utterances:
            raise InputError(f"{self.name}: there is no utterance to show")
        untimed = {time is None for one in self.utterances for time in (one.start, one.end)}
        if len(untimed) > 1:
            raise InputError(f"{self.name}: some utterances have times, others have not")
        for one in self.utterances:
            if one.start is None or one.end is None:
                continue
            if not (0 <= one.start <= one.end < float("inf")):
                raise InputError(
                    f"{self.name}: utterance '{one.name}' lasts from {one.start} to {one.end} s, "
                    "expected 0 <= start <= end"
                )


@dataclass(frozen=True)
class Answer:
    """What one run says about one conversation of T utterances.

    Parameters
    ----------
    probabilities : (T, C) array
    sources : sequence of T int arrays
        For each utterance, the positions of those that it attends to; empty where the system has no
        attention over a graph.
    attention : mapping of str to sequence of T float arrays
        By what attends (a modality, or all of them): the weights of these sources, of sum 1.
    without : mapping of str to (T, C) array
        By modality: the probabilities with that modality missing.
    left_open : (T,) bool array, optional
        Utterances that get no class.
    """

    probabilities: np.ndarray
    sources: Sequence[np.ndarray] = ()
    attention: Mapping[str, Sequence[np.ndarray]] = field(default_factory=dict)
    without: Mapping[str, np.ndarray] = field(default_factory=dict)
    left_open: np.ndarray | None = None

    @property
    def predictions(self) -> list[int | None]:
        """The class of each utterance; None where it is left open."""
        classes = np.argmax(self.probabilities, axis=1).tolist()
        if self.left_open is None:
            return classes
        return [None if x else c for c, x in zip(classes, self.left_open, strict=True)]

    def unsure(self, bound: float) -> np.ndarray:
        """Return which utterances, (T,) bool, got a class of a probability below a bound."""
        below = np.max(self.probabilities, axis=1) < bound
        return below if self.left_open is None else below & ~self.left_open


def browser_data(
    label_names: Sequence[str],
    conversations: Sequence[Conversation],
    answers: Mapping[str, Sequence[Answer]],
    calibrated: Mapping[str, bool] | None = None,
    unsure: float | None = None,
) -> dict[str, Any]:
    """Return what the scripts of the page read, ready to be written as JSON.

    Parameters
    ----------
    label_names : sequence of str, length C
    conversations : sequence of Conversation
    answers : mapping of str to sequence of Answer
        By the name of a run, one answer for each conversation.
    calibrated : mapping of str to bool, optional
        By the name of a run, whether a temperature was chosen for its probabilities: the page says
        beside them which they are.
    unsure : float, optional
        Utterances whose class is less probable than this are marked as unsure.
    """
    return {
        "labels": list(label_names),
        "colours": slots(label_names),
        "unsure": unsure,
        "dialogues": [_conversation(one, label_names) for one in conversations],
        "runs": [
            {
                "name": name,
                "calibrated": (calibrated or {}).get(name),
                "answers": [_answer(one, unsure) for one in of_run],
            }
            for name, of_run in answers.items()
        ],
    }


def _conversation(conversation: Conversation, label_names: Sequence[str]) -> dict[str, Any]:
    speakers = list(dict.fromkeys(one.speaker for one in conversation.utterances))
    number = {name: c for c, name in enumerate(label_names)}
    return {
        "name": conversation.name,
        "speakers": speakers,
        "utterances": [
            {
                "name": one.name,
                "speaker": speakers.index(one.speaker),
                "label": None if one.label is None else number[one.label],
                "start": one.start,
                "end": one.end,
                "text": one.text,
                "modalities": list(one.modalities),
                "when": one.when,
            }
            for one in conversation.utterances
        ],
    }


def _answer(answer: Answer, unsure: float | None) -> dict[str, Any]:
    return {
        "probabilities": _rounded(answer.probabilities),
        "predictions": answer.predictions,
        "unsure": [] if unsure is None else np.flatnonzero(answer.unsure(unsure)).tolist(),
        "sources": [sources.tolist() for sources in answer.sources],
        "attention": {
            name: [_rounded(weights) for weights in of_utterance]
            for name, of_utterance in answer.attention.items()
        },
        "without": {name: _rounded(array) for name, array in answer.without.items()},
    }


def _rounded(array: np.ndarray) -> list[Any]:
    # in float64, where 0.1234 has no further digits
    return np.round(np.asarray(array, np.float64), DIGITS).tolist()
