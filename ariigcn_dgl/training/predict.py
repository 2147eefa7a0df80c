"""Class probabilities of utterances, by a model in evaluation mode."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ariigcn_dgl.batch import collate
from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.models import System
from ariigcn_dgl.training.metrics import Scores, score

BATCH_SIZE = 32  # dialogues; fixed, so that the same run always gives the same bits


@torch.inference_mode()
def predict(model: System, dialogues: Dialogues) -> np.ndarray:
    """Return the class probabilities of every utterance, (N, C) float32.

    Parameters
    ----------
    model : System
        On any device; left in evaluation mode.
    dialogues : Dialogues
        Standardised as in training.
    """
    model.eval()
    parts = [np.empty((0, dialogues.num_classes), np.float32)]
    for start in range(0, dialogues.num_dialogues, BATCH_SIZE):
        chosen = np.arange(start, min(start + BATCH_SIZE, dialogues.num_dialogues))
        logits = model(collate(dialogues, chosen, model.window).to(model.device))
        parts.append(logits.softmax(-1).cpu().numpy())
    return np.concatenate(parts)


def score_probabilities(
    dialogues: Dialogues, probabilities: np.ndarray, label_names: Sequence[str]
) -> Scores:
    """Score probabilities, (N, C), on the labelled utterances."""
    labelled = dialogues.labels >= 0
    return score(dialogues.labels[labelled], probabilities[labelled].argmax(1), label_names)
