"""A trained run on a conversation that is still going on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike

from ariigcn_dgl.batch import Batch
from ariigcn_dgl.data import UNLABELLED
from ariigcn_dgl.data.missing import absent
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import composed
from ariigcn_dgl.graph import Graph
from ariigcn_dgl.training.trained import TrainedRun


@dataclass(frozen=True)
class Utterance:
    """What is known of an utterance when it has been spoken.

    Parameters
    ----------
    speaker : str
        A name; one that has not been heard before is a new speaker. Accented letters are one,
        whether they are written with one sign or two.
    features : mapping of str to (D_m,) numbers
        Of each modality that is there, as they would stand in a data set; of none, where nothing
        is known but who spoke. Of a modality that was trained on as sequences of rows (frames,
        words) also (T, D_m), T from 1 on: each row is scaled, and the mean taken, as in training.
    """

    speaker: str
    features: Mapping[str, ArrayLike]


class Session:
    """Labels a conversation utterance by utterance, each when it has been spoken.

    The probabilities are those that the run gives the last utterance of the dialogue so far,
    calibrated. The time and memory of `add` do not depend on how many utterances there were.

    Parameters
    ----------
    run : TrainedRun
        Trained so that it does not look ahead.

    Raises
    ------
    InputError
        If the run looks ahead, be it only to fill a missing modality.

    Attributes
    ----------
    utterances : int
        Number of utterances that were added.
    """

    def __init__(self, run: TrainedRun) -> None:
        if run.filler.kind == "speaker_mean":
            raise InputError(
                f"{run.folder.path}: fills a missing modality by the speaker's mean over the whole "
                "dialogue, which a conversation that goes on does not have: train with "
                "--training.missing zero or reconstruct"
            )
        self.run = run
        self.stream = run.model.eval().stream()
        self.numbers: dict[str, int] = {}
        self.utterances = 0

    @torch.inference_mode()
    def add(self, utterance: Utterance) -> np.ndarray:
        """Return the class probabilities, (C,) float64, of the next utterance.

        Of a run with other targets the answers to all of them, side by side: `by_target` tells
        which is which.

        Raises
        ------
        InputError
            If the speaker has no name, features are not finite or not of the run's modalities and
            widths, or there are more speakers than the run's graph distinguishes. The utterance is
            not added then.
        """
        if not utterance.speaker:
            raise InputError("speaker is empty, expected a name")
        rows = self._rows(utterance.features)
        batch = self._batch(rows, self._number(composed(utterance.speaker)))
        outputs = self.stream.add(batch.to(self.run.model.device))
        answers = self.run.model.answers(outputs.unsqueeze(0)).cpu().numpy()
        self.utterances += 1
        return self.run.scoring.calibrated(answers, self.run.temperature)[0]

    def by_target(self, answers: np.ndarray) -> dict[str, np.ndarray]:
        """Return what `add` returned, by the names of the targets; classes are "label".

        Probabilities of classes and labels, numbers on the scale of the target.
        """
        return self.run.scoring.by_target(answers)

    def _rows(self, features: Mapping[str, ArrayLike]) -> dict[str, np.ndarray]:
        widths = self.run.widths
        trained = ", ".join(f"{m} ({w})" for m, w in widths.items())
        for name in features:
            if name not in widths:
                raise InputError(f"unknown modality '{name}': this run was trained with {trained}")
        sequences = self.run.record.get("sequences", ())
        return {
            name: _rows(name, values, widths[name], name in sequences)
            for name, values in features.items()
        }

    def _number(self, speaker: str) -> int:
        if speaker in self.numbers:
            return self.numbers[speaker]
        window = self.run.model.window
        if not window.distinguishes(len(self.numbers) + 1):
            raise InputError(
                f"'{speaker}' is speaker number {len(self.numbers) + 1}, but this run's graph "
                f"distinguishes {window.num_speakers}: train with --model.window.relations speaker"
            )
        return self.numbers.setdefault(speaker, len(self.numbers))  # by first appearance

    def _batch(self, rows: dict[str, np.ndarray], speaker: int) -> Batch:
        features, masks = {}, {}
        for name, width in self.run.widths.items():
            if name in rows:
                there = np.ones(len(rows[name]), bool)
                scaled = self.run.standardiser.scale(name, rows[name], there)
                features[name], masks[name] = scaled.mean(0, keepdims=True), there[:1]
            else:
                features[name], masks[name] = absent(1, width)
        features, masks = self.run.filler.fill(features, masks, np.zeros(1, int))
        lengths, speakers = torch.tensor([1]), torch.tensor([speaker])
        return Batch(
            features={name: torch.from_numpy(row) for name, row in features.items()},
            masks={name: torch.from_numpy(mask) for name, mask in masks.items()},
            labels=torch.tensor([UNLABELLED]),
            speakers=speakers,
            lengths=lengths,
            graph=Graph.from_dialogues(lengths, speakers, past=0, future=0),  # streams make theirs
        )


def _rows(name: str, values: ArrayLike, width: int, many: bool) -> np.ndarray:
    expected = f"{width} numbers" + (f" or rows of {width}" if many else "")
    try:
        with np.errstate(over="ignore"):  # becomes inf, which is refused
            given = np.asarray(values, np.float32)
    except (OverflowError, TypeError, ValueError) as error:
        raise InputError(f"{name}: expected {expected}") from error
    rows = given if given.ndim == 2 and many else given[None]
    if rows.ndim != 2 or rows.shape[1] != width or not len(rows):
        raise InputError(f"{name}: expected {expected}, found the shape {given.shape}")
    wrong = np.argwhere(~np.isfinite(rows))
    if wrong.size:
        row, column = wrong[0]
        raise InputError(f"{name}: {rows[row, column]} in column {column}, expected finite numbers")
    return rows
