"""What a trained run can be asked, by the names that scikit-learn has for it."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.training.metrics import Scores
from ariigcn_dgl.training.predict import score_probabilities


class Classifier(ABC):
    """Labels the utterances of dialogues: one seed (`TrainedRun`), or several (`Ensemble`).

    Attributes
    ----------
    label_names : tuple of str
        The C classes.
    """

    label_names: tuple[str, ...]

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
        return self.probabilities(self.adapt(dialogues))

    def predict(self, dialogues: Dialogues) -> np.ndarray:
        """Return the most probable class of every utterance, (N,) str; as `predict_proba`."""
        return np.array(self.label_names)[self.predict_proba(dialogues).argmax(1)]

    def score(self, dialogues: Dialogues, split: str | None = "test") -> Scores:
        """Return the scores of labelled utterances, in percent.

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
        if not (part.labels >= 0).any():
            where = "" if split is None else f"the split '{split}' has "
            raise InputError(f"{dialogues.name}: {where}no labelled utterance to score")
        return score_probabilities(part, self.probabilities(part), self.label_names)
