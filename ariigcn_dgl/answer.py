"""What every file and stream says of an utterance: its class, and all probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

DIGITS = 6  # of a probability: float32 has no more, and lines stay readable


def answer(
    p: np.ndarray, label_names: Sequence[str], left_open: bool | None = None
) -> dict[str, Any]:
    """Return the answer to an utterance, as it stands in JSON.

    Parameters
    ----------
    p : (C,) array
        Its class probabilities.
    label_names : sequence of str, length C
    left_open : bool, optional
        Whether it gets no class; None where that was not asked for, and is not said.

    Examples
    --------
    >>> answer(np.array([0.25, 0.75]), ["joy", "anger"])
    {'prediction': 'anger', 'probabilities': {'joy': 0.25, 'anger': 0.75}}
    >>> answer(np.array([0.5, 0.5]), ["joy", "anger"], left_open=True)
    {'prediction': None, 'abstained': True, 'probabilities': {'joy': 0.5, 'anger': 0.5}}
    """
    said = {} if left_open is None else {"abstained": bool(left_open)}
    return {
        "prediction": None if left_open else label_names[int(p.argmax())],
        **said,
        "probabilities": {
            name: round(float(x), DIGITS) for name, x in zip(label_names, p, strict=True)
        },
    }
