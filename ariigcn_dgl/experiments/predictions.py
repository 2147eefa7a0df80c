"""What finished runs say of the test split's utterances of which something is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.data.missing import without_modalities
from ariigcn_dgl.experiments.runs import Run
from ariigcn_dgl.training.calibration import calibration_errors
from ariigcn_dgl.training.metrics import Scores
from ariigcn_dgl.training.predict import read_arrays
from ariigcn_dgl.training.scoring import Scoring, TargetScores, flat
from ariigcn_dgl.training.trained import TrainedRun


@dataclass(frozen=True, eq=False)
class TestPredictions:
    """Utterances of the test split of which something is known, and what one seed says of them.

    Shapes: N such utterances.

    Parameters
    ----------
    seed : int
    scoring : Scoring
        Of the study.
    values : mapping of str to (N, columns) array
        What is known of each target, as of `Scoring.values`.
    answers : (N, width) float array
        To all targets; class probabilities are calibrated.
    decided : (N, width) float array
        The same; but the classes as the run has said them, 1 each, not as rounded shares say them.
    dialogues : (N,) str array
        Name of the utterance's dialogue.
    uncalibrated : (N, width) float array, optional
        The answers before the temperature, of a run that has classes alone; as `answers` of a run
        that has none.
    """

    __test__ = False  # no test case, whatever pytest reads from the name

    seed: int
    scoring: Scoring
    values: Mapping[str, np.ndarray]
    answers: np.ndarray
    decided: np.ndarray
    dialogues: np.ndarray
    uncalibrated: np.ndarray | None = None

    @classmethod
    def of(cls, run: Run, scoring: Scoring) -> TestPredictions:
        """Return what a finished run says."""
        record, folder = run.read(), run.seed_folder
        names = record["label_names"]
        lines = folder.read_answers(names)
        values, answers = read_arrays(lines, scoring, str(folder.path))
        decided = answers.copy()
        if names:
            said = np.array([[line["prediction"] == name for name in names] for line in lines])
            decided[:, : len(names)] = said
        dialogues = np.array([line["dialogue"] for line in lines])
        found = cls(run.seed, scoring, values, answers, decided, dialogues)._known()
        if not scoring.plain:
            return found
        before = folder.read_uncalibrated_test(record, lines)
        return replace(found, uncalibrated=found.answers if before is None else before)

    @classmethod
    def without(cls, run: Run, scoring: Scoring, modality: str, test: Dialogues) -> TestPredictions:
        """Return what a finished run says of a test split in which a modality is hidden."""
        trained = TrainedRun(run.seed_folder.path)
        part = trained.adapt(without_modalities(test, [modality]))
        before = trained.uncalibrated(part)
        answers = scoring.calibrated(before, trained.temperature)
        names = np.repeat(np.array(part.dialogue_ids), part.lengths)
        plain = before if scoring.plain else None
        values = scoring.values(part)
        return cls(run.seed, scoring, values, answers, answers, names, plain)._known()

    @classmethod
    def pooled(cls, folds: Sequence[TestPredictions]) -> TestPredictions:
        """Return what one seed says of the test splits of all folds together."""
        arrays = ("answers", "decided", "dialogues", "uncalibrated")
        joined: dict[str, Any] = {
            name: np.concatenate([getattr(f, name) for f in folds])
            for name in arrays
            if getattr(folds[0], name) is not None
        }
        values = {name: np.concatenate([f.values[name] for f in folds]) for name in folds[0].values}
        return replace(folds[0], values=values, **joined)

    def _known(self) -> TestPredictions:
        """Return it with the utterances of which something is known."""
        rows = ~np.all([np.isnan(of).all(axis=1) for of in self.values.values()], axis=0)
        return replace(
            self,
            values={name: of[rows] for name, of in self.values.items()},
            answers=self.answers[rows],
            decided=self.decided[rows],
            dialogues=self.dialogues[rows],
            uncalibrated=None if self.uncalibrated is None else self.uncalibrated[rows],
        )

    @property
    def labels(self) -> np.ndarray:
        """The true classes, (N,), of a run that has classes alone."""
        (values,) = self.values.values()
        return values[:, 0].astype(np.int64)

    @property
    def errors(self) -> dict[str, float] | None:
        """Calibration errors, in percent, before and after the temperature; of classes alone."""
        if self.uncalibrated is None:
            return None
        return calibration_errors(self.uncalibrated, self.answers, self.labels)

    @property
    def hits(self) -> np.ndarray:
        """Whether each utterance was right, (N,), of a run that has classes alone."""
        return self.decided.argmax(1) == self.labels

    @cached_property
    def scores(self) -> Scores | TargetScores:
        """Scores of what was decided."""
        found = self.scoring.score_values(self.values, self.decided)
        if found is None:
            raise ValueError("of a target nothing is known in the test split")
        return found

    @property
    def score(self) -> float:
        """The score that settings are compared by."""
        return flat(self.scores.record())[self.scoring.metric]


def averaged_score(found: Sequence[TestPredictions]) -> float | None:
    """Return the chosen score of the mean of seeds' answers.

    That is the score of one larger model, whose members are trained apart.

    Parameters
    ----------
    found : sequence of TestPredictions
        That differ by their seed alone; of fewer than two there is no mean: None.
    """
    if len(found) < 2:
        return None
    mean = np.mean([one.answers for one in found], axis=0)
    return replace(found[0], answers=mean, decided=mean).score
