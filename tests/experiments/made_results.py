"""A study's results for tests of what is made of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ariigcn_dgl.experiments.results import Results, RowResult
from ariigcn_dgl.experiments.statistics import permutation_p
from ariigcn_dgl.training.additive import class_rows, weighted_f1


def made_results(*rows: RowResult, **changes: Any) -> Results:
    """Return the results of a study of these settings; keywords are other fields."""
    fields: dict[str, Any] = {
        "study": "mine",
        "title": "Mine",
        "about": "",
        "axis": "",
        "baseline": "base",
        "protocol": "standard",
        "seeds": 2,
        "folds": None,
        "trials": None,
        "data": {"name": "talk"},
        "environment": {},
    }
    return Results(**fields | changes, rows=rows)


def permutation_p_of_classes(
    labels: np.ndarray, dialogues: np.ndarray, ours: np.ndarray, theirs: np.ndarray, **options: int
) -> float:
    """Return the p-value of the weighted F1 of classes, (S, N), that two systems have said."""
    classes = 1 + int(max(labels.max(), ours.max(), theirs.max()))
    rows = (np.stack([class_rows(labels, o, classes) for o in one]) for one in (ours, theirs))
    return permutation_p(dialogues, *rows, weighted_f1, **options)
