"""What finished runs say of the labelled utterances of the test split."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from ariigcn_dgl.experiments.runs import Run
from ariigcn_dgl.training.metrics import score
from ariigcn_dgl.training.run_folder import PREDICTIONS_FILE


class TestPredictions:
    """Labelled utterances of the test split, and what one run says of them.

    Shapes: N labelled utterances, C classes.

    Parameters
    ----------
    run : Run
        A finished one.

    Attributes
    ----------
    seed : int
    label_names : list of str, length C
    labels, classes, dialogues : (N,) int array
        True and predicted classes; the utterance's dialogue, numbered from 0.
    probabilities : (N, C) float array
    score : float
        Weighted F1, in percent.
    """

    __test__ = False  # no test case, whatever pytest reads from the name

    def __init__(self, run: Run) -> None:
        record = run.read()
        self.seed = run.seed
        self.score: float = record["test"]["weighted_f1"]
        self.label_names: list[str] = record["label_names"]
        number = {name: place for place, name in enumerate(self.label_names)}
        text = (run.seed_folder.path / PREDICTIONS_FILE).read_text(encoding="utf-8")
        lines = [json.loads(line) for line in text.splitlines()]
        labelled = [line for line in lines if line["label"] is not None]
        self.labels = np.array([number[line["label"]] for line in labelled])
        self.classes = np.array([number[line["prediction"]] for line in labelled])
        self.probabilities = np.array(
            [[line["probabilities"][name] for name in self.label_names] for line in labelled]
        )
        dialogues = [line["dialogue"] for line in labelled]
        self.dialogues = np.unique(dialogues, return_inverse=True)[1]


def averaged_score(found: Sequence[TestPredictions]) -> float | None:
    """Return the weighted F1, in percent, of the mean of runs' probabilities.

    That is the score of one larger model, whose members are trained apart.

    Parameters
    ----------
    found : sequence of TestPredictions
        Of runs that differ by their seed alone; of fewer than two there is no mean: None.
    """
    if len(found) < 2:
        return None
    mean = np.mean([one.probabilities for one in found], axis=0)
    return score(found[0].labels, mean.argmax(1), found[0].label_names).weighted_f1
