"""Label a conversation: features as those of the training, then the run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ariigcn_dgl.conversation.labelled import Labelled
from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.features import Encoders, extract
from ariigcn_dgl.extract.language import is_english, why_not_english
from ariigcn_dgl.extract.manifest import read_manifest
from ariigcn_dgl.extract.recorded import load_encoders
from ariigcn_dgl.extract.spoken import Spoken
from ariigcn_dgl.near import did_you_mean
from ariigcn_dgl.notes import Note
from ariigcn_dgl.training.trained import TrainedRun, abstention_of, mean_probabilities

NEEDS_RECORDING = ("audio", "visual")


@dataclass(frozen=True)
class Asked:
    """How a conversation is to be labelled.

    Parameters
    ----------
    modalities : sequence of str, optional
        Use these only; default: all that the run knows and the conversation has.
    places : mapping of str to str or None
        Where encoders lie now, by modality; None: where they were.
    coverage : float, optional
        Share of validation to answer; what the run is less sure of is left open.
    offline : bool
        Download nothing.
    track : str, optional
        Which of several sound tracks is heard: its number, from 1, or its language; default: the
        one that is marked as default.
    skip_damaged : bool
        Go on where a recording is damaged.
    """

    modalities: Sequence[str] | None = None
    places: Mapping[str, str | None] = field(default_factory=dict)
    coverage: float | None = None
    offline: bool = False
    track: str | None = None
    skip_damaged: bool = False


@dataclass(frozen=True)
class Answered:
    """A labelled conversation, and what there is to say of it.

    Parameters
    ----------
    labelled : Labelled
    system, trained_on : str
        What labelled it, and the data set that it learnt from.
    modalities : tuple of str
        Those that were used.
    missing : tuple of str
        Modalities of the training that the conversation has not.
    calibrated : bool
        Whether the probabilities of classes, if any, have a temperature that validation chose.
    abstention : str
        What was left open, in words; empty where nothing was to be.
    """

    labelled: Labelled
    system: str
    trained_on: str
    modalities: tuple[str, ...]
    missing: tuple[str, ...]
    calibrated: bool
    abstention: str

    @property
    def by(self) -> str:
        """A sentence: which system, trained on what, from which modalities."""
        without = f", without {' and '.join(self.missing)}" if self.missing else ""
        return (
            f"Labelled by {self.system}, trained on {self.trained_on}, from "
            f"{', '.join(self.modalities)}{without}."
        )


def encoders_for(runs: Sequence[TrainedRun], recorded: bool, asked: Asked, note: Note) -> Encoders:
    """Return the encoders of a run's features that a conversation with or without recording needs.

    Raises
    ------
    InputError
        If the run was trained with nothing of it, or an encoder cannot be had.
    """
    first = runs[0]
    wanted = _wanted(first, recorded, asked.modalities)
    folder, device = first.folder.path.parent, str(first.model.device)
    return load_encoders(folder, wanted, asked.places, note, device, asked.offline)


def label(
    runs: Sequence[TrainedRun],
    name: str,
    spoken: Sequence[Spoken],
    encoders: Encoders,
    asked: Asked,
    note: Note,
) -> Answered:
    """Return what seeds of a run say together of one conversation.

    Parameters
    ----------
    runs : sequence of TrainedRun
    name : str
        Of the conversation, for messages.
    spoken : sequence of Spoken
        Of one conversation.
    encoders : Encoders
        What `encoders_for` returned.
    asked : Asked
    note : callable
        Gets sentences about what is missing or unusual.

    Raises
    ------
    InputError
        If the features cannot be made as those of the training were, or do not fit the run.
    """
    first = runs[0]
    abstention = None if asked.coverage is None else abstention_of(runs, asked.coverage)
    if encoders.text is not None:
        _doubt_language(first, name, spoken, note)
    source = extract(name, spoken, encoders, note, asked.skip_damaged, track=asked.track).dialogues
    adapted = first.adapt(source)
    for sentence in first.doubts(source):
        note(sentence)
    answers = mean_probabilities(runs, adapted)
    p = first.scoring.of_classes(answers)
    left_open = None if abstention is None else abstention.leaves_open(p)
    unsure = {} if abstention is None else {"bound": abstention.confidence}
    ended = _ended(spoken)
    others = first.scoring.other_answers(answers)
    labelled = Labelled(
        ended, _present(source), p, first.label_names, left_open, targets=others, **unsure
    )
    words = ""
    if abstention is not None and left_open is not None:
        words = abstention.in_words(int(left_open.sum()), len(spoken))
    return Answered(
        labelled,
        first.config.system,
        first.record["dataset"],
        tuple(source.widths),
        tuple(m for m in first.widths if m not in source.widths),
        first.scoring.classes is None or all("calibration" in one.record for one in runs),
        words,
    )


def _doubt_language(run: TrainedRun, name: str, spoken: Sequence[Spoken], note: Note) -> None:
    """Say where words do not look English and the run learnt from English ones."""
    manifest = read_manifest(run.folder.path.parent) or {}
    why = why_not_english([one.text for one in spoken])
    if why and is_english(manifest.get("language", "")):
        note(
            f"{name}: does not look English ({why}), which the run was trained and scored on: "
            "expect its answers to be worse than its scores"
        )


def _wanted(run: TrainedRun, recorded: bool, modalities: Sequence[str] | None) -> list[str]:
    for name in modalities or ():
        if name not in run.widths:
            raise InputError(
                f"--modalities: '{name}' was not trained, only {', '.join(run.widths)}"
                f"{did_you_mean(name, run.widths)}"
            )
    there = [m for m in run.widths if recorded or m not in NEEDS_RECORDING]
    chosen = [m for m in there if modalities is None or m in modalities]
    if not chosen:
        raise InputError(
            f"a text has nothing that the run was trained with ({', '.join(run.widths)}): give the "
            "recording with --media"
        )
    return chosen


def _ended(spoken: Sequence[Spoken]) -> list[Spoken]:
    """Return utterances that all end, to be shown and written.

    Time stamps of a transcript leave open when the last one ends: it then lasts as long as the one
    before it, or a second.
    """
    found, lasted = list[Spoken](), 1.0
    for one in spoken:
        if one.start is not None and one.end == math.inf:
            one = replace(one, end=one.start + lasted)
        elif one.start is not None and one.end is not None and one.end > one.start:
            lasted = one.end - one.start
        found.append(one)
    return found


def _present(source: Dialogues) -> list[tuple[str, ...]]:
    """Return the modalities of each utterance."""
    rows = np.stack(list(source.masks.values()), axis=1)
    return [tuple(m for m, there in zip(source.masks, row, strict=True) if there) for row in rows]
