"""Fusion, context and relations must each help on the default set, for a linear model already."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from ariigcn_dgl.data.dialogues import Dialogues
from ariigcn_dgl.data.synth import synthesise
from ariigcn_dgl.data.synth_config import SynthConfig


def offsets(x: np.ndarray, dialogues: Dialogues) -> np.ndarray:
    """Join the features of the two neighbours on each side, zeros beyond the dialogue."""
    where = np.arange(len(x))
    of = dialogues.row_dialogues
    blocks = [x]
    for step in (-2, -1, 1, 2):
        near = np.clip(where + step, 0, len(x) - 1)
        inside = (where + step == near) & (of[near] == of)
        blocks.append(np.where(inside[:, None], x[near], 0))
    return np.hstack(blocks)


def relations(x: np.ndarray, dialogues: Dialogues, window: int = 3) -> np.ndarray:
    """Join the mean features of each relation (same or other speaker, past or future)."""
    blocks = [[x[dialogues.rows(b)] for b in range(dialogues.num_dialogues)]]
    for wanted, direction in ((True, 1), (True, -1), (False, 1), (False, -1)):
        blocks.append([])
        for b in range(dialogues.num_dialogues):
            speakers = dialogues.speakers[dialogues.rows(b)]
            ago = np.subtract.outer(np.arange(len(speakers)), np.arange(len(speakers))) * direction
            edges = (ago > 0) & (ago <= window) & (np.equal.outer(speakers, speakers) == wanted)
            weights = edges / np.maximum(edges.sum(axis=1, keepdims=True), 1)
            blocks[-1].append(weights @ x[dialogues.rows(b)])
    return np.hstack([np.concatenate(block) for block in blocks])


def floor(x: np.ndarray, dialogues: Dialogues) -> float:
    """Return the weighted F1 on test, in %, of logistic regression fitted on train."""
    split, labels = dialogues.row_splits, dialogues.labels
    train, test = split == "train", split == "test"
    model = LogisticRegression(C=0.003, tol=1e-2, max_iter=200).fit(x[train], labels[train])
    return 100 * f1_score(labels[test], model.predict(x[test]), average="weighted")


def ladder(seed: int) -> list[float]:
    dialogues = synthesise(SynthConfig(), seed)
    text, everything = dialogues.features["text"], np.hstack(list(dialogues.features.values()))
    views = text, everything, offsets(everything, dialogues), relations(everything, dialogues)
    return [floor(view, dialogues) for view in views]


@pytest.mark.slow
def test_fusion_context_and_relations_each_help():
    text, fusion, context, relational = np.mean([ladder(seed) for seed in range(4)], axis=0)
    assert fusion > text + 5
    assert context > fusion + 3
    assert relational > context + 2
    assert 60 < relational < 80
