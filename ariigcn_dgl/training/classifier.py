"""What a trained run can be asked, by the names that scikit-learn has for it."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.training.metrics import Scores
from ariigcn_dgl.training.scoring import Scoring, TargetScores


class Classifier(ABC):
    """Labels the utterances of dialogues: one seed (`TrainedRun`), or several (`Ensemble`).

    Attributes
    ----------
    label_names : tuple of str
        The C classes; none of a run without classes.
    scoring : Scoring
        Its targets, and their places among the answers.
    """

    label_names: tuple[str, ...]
    scoring: Scoring

    @abstractmethod
    def adapt(self, dialogues: Dialogues) -> Dialogues:
        """Return the dialogues with the run's classes and modalities."""

    @abstractmethod
    def probabilities(self, dialogues: Dialogues) -> np.ndarray:
        """Return calibrated class probabilities, (N, C) float64, of dialogues from `adapt`."""

    def predict_proba(self, dialogues: Dialogues) -> np.ndarray:
        """Return the calibrated probability of each class, (N, C) float64, of every utterance.

        Parameters
        ----------
        dialogues : Dialogues
            With or without labels; all splits are answered. A modality that they lack counts as
            missing.

        Raises
        ------
        InputError
            If they do not fit the run, as of `TrainedRun.adapt`.
        """
        self._require_classes()
        return self.scoring.of_classes(self.probabilities(self.adapt(dialogues)))

    def predict_targets(self, dialogues: Dialogues) -> dict[str, np.ndarray]:
        """Return the answers to the targets beside classes, (N, width) each, by their names.

        Probabilities of several labels, numbers on the scale of the target; as `predict_proba`.
        """
        answers = self.probabilities(self.adapt(dialogues))
        return {spec.name: answers[:, place] for spec, place in self.scoring.others()}

    def predict(self, dialogues: Dialogues) -> np.ndarray:
        """Return the most probable class of every utterance, (N,) str; as `predict_proba`."""
        return np.array(self.label_names)[self.predict_proba(dialogues).argmax(1)]

    def score(self, dialogues: Dialogues, split: str | None = "test") -> Scores | TargetScores:
        """Return the scores of labelled utterances, in percent; `TargetScores` of other targets.

        Parameters
        ----------
        dialogues : Dialogues
            With labels by the names of the run's classes.
        split : str or None
            "train", "val" or "test"; None for all: only where the run has not seen any of them.

        Raises
        ------
        InputError
            If they do not fit the run, or have no label there.
        """
        part = self.adapt(dialogues if split is None else dialogues.split(split))
        if not self.scoring.scorable(part):
            where = "" if split is None else f"the split '{split}' has "
            raise InputError(f"{dialogues.name}: {where}no labelled utterance to score")
        found = self.scoring.score(part, self.probabilities(part))
        if found is None:
            raise ValueError("what can be scored has scores")
        return found

    def _require_classes(self) -> None:
        if not self.label_names:
            names = ", ".join(spec.name for spec in self.scoring.specs)
            raise InputError(f"this run has no classes, but {names}: call predict_targets")
