"""What finished runs say of the labelled utterances of the test split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.data.missing import without_modalities
from ariigcn_dgl.experiments.runs import Run
from ariigcn_dgl.training.calibration import calibrated, calibration_errors
from ariigcn_dgl.training.metrics import Scores, score
from ariigcn_dgl.training.trained import TrainedRun


@dataclass(frozen=True, eq=False)
class TestPredictions:
    """Labelled utterances of the test split, and what one seed says of them.

    Shapes: N labelled utterances, C classes.

    Parameters
    ----------
    seed : int
    label_names : tuple of str, length C
    labels, classes : (N,) int array
        True and predicted classes.
    probabilities : (N, C) float array
        Calibrated.
    dialogues : (N,) str array
        Name of the utterance's dialogue.
    uncalibrated : (N, C) float array
        The probabilities before the temperature; as `probabilities` of a run that has none.
    """

    __test__ = False  # no test case, whatever pytest reads from the name

    seed: int
    label_names: tuple[str, ...]
    labels: np.ndarray
    classes: np.ndarray
    probabilities: np.ndarray
    dialogues: np.ndarray
    uncalibrated: np.ndarray

    @classmethod
    def of(cls, run: Run) -> TestPredictions:
        """Return what a finished run says."""
        record = run.read()
        names = tuple(record["label_names"])
        number = {name: place for place, name in enumerate(names)}
        lines = run.seed_folder.read_answers(names)
        labelled = [line for line in lines if line["label"] is not None]
        probabilities = np.array(
            [[line["probabilities"][name] for name in names] for line in labelled]
        )
        before = run.seed_folder.read_uncalibrated_test(record, lines)
        return cls(
            run.seed,
            names,
            np.array([number[line["label"]] for line in labelled]),
            np.array([number[line["prediction"]] for line in labelled]),
            probabilities,
            np.array([line["dialogue"] for line in labelled]),
            probabilities if before is None else before,
        )

    @classmethod
    def without(cls, run: Run, modality: str, test: Dialogues) -> TestPredictions:
        """Return what a finished run says of a test split in which a modality is hidden."""
        trained = TrainedRun(run.seed_folder.path)
        part = trained.adapt(without_modalities(test, [modality]))
        rows = part.labels >= 0
        before = trained.uncalibrated(part)[rows]
        probabilities = calibrated(before, trained.temperature)
        names = np.repeat(np.array(part.dialogue_ids), part.lengths)
        return cls(
            run.seed,
            part.label_names,
            part.labels[rows],
            probabilities.argmax(1),
            probabilities,
            names[rows],
            before,
        )

    @classmethod
    def pooled(cls, folds: Sequence[TestPredictions]) -> TestPredictions:
        """Return what one seed says of the test splits of all folds together."""
        arrays = ("labels", "classes", "probabilities", "dialogues", "uncalibrated")
        joined: dict[str, Any] = {
            name: np.concatenate([getattr(f, name) for f in folds]) for name in arrays
        }
        return replace(folds[0], **joined)

    @property
    def errors(self) -> dict[str, float]:
        """Calibration errors, in percent, before and after the temperature."""
        return calibration_errors(self.uncalibrated, self.probabilities, self.labels)

    @cached_property
    def scores(self) -> Scores:
        """Scores of the predicted classes."""
        return score(self.labels, self.classes, self.label_names)


def averaged_score(found: Sequence[TestPredictions]) -> float | None:
    """Return the weighted F1, in percent, of the mean of seeds' probabilities.

    That is the score of one larger model, whose members are trained apart.

    Parameters
    ----------
    found : sequence of TestPredictions
        That differ by their seed alone; of fewer than two there is no mean: None.
    """
    if len(found) < 2:
        return None
    mean = np.mean([one.probabilities for one in found], axis=0)
    return score(found[0].labels, mean.argmax(1), found[0].label_names).weighted_f1
