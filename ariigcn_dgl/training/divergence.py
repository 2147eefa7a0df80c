"""Whether a training diverged, though all its losses are finite numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

FAR = 2.0  # times the loss of a guess; a short training's first epoch may be a little above it


def divergence(history: Iterable[Mapping[str, Any]], best_epoch: int, num_classes: int) -> str:
    """Return a sentence where the kept model is far worse on its training data than a guess.

    A guess gives every class the same probability: its cross-entropy is the logarithm of their
    number, whatever their weights.

    Parameters
    ----------
    history : iterable of dict
        Of each epoch its number and the mean of each loss term.
    best_epoch : int
        The one whose weights are kept.
    num_classes : int

    Returns
    -------
    str
        "" where there is nothing to say.

    Examples
    --------
    >>> divergence([{"epoch": 1, "classification": 0.6}], 1, num_classes=2)
    ''
    >>> divergence([{"epoch": 1, "classification": 6e5}], 1, num_classes=2)[:62]
    'training diverged: in the kept epoch 1 the classification loss'
    """
    guess = math.log(num_classes)
    for record in history:
        loss = record.get("classification", 0.0)
        if record["epoch"] == best_epoch and loss > FAR * guess:
            return (
                f"training diverged: in the kept epoch {best_epoch} the classification loss is "
                f"{loss:.3g}, that of guessing {guess:.3g}; lower --training.learning_rate"
            )
    return ""
