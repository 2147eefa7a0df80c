"""What is said of utterances for one target beside classes, and what is known: for files, pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ariigcn_dgl.data.targets import LABEL, TargetSpec
from ariigcn_dgl.training.target_kinds import TARGET_KINDS, TargetKind


@dataclass(frozen=True)
class TargetAnswers:
    """The answers to one target, and its true values where they are known.

    Parameters
    ----------
    spec : TargetSpec
    answers : (N, width) array
        As of `ariigcn_dgl.models.objective`.
    values : (N, columns) array, optional
        NaN where unknown; default: nothing is known.

    Examples
    --------
    >>> spec = TargetSpec("label", "regression", ("score",), -3.0, 3.0)
    >>> said = TargetAnswers(spec, np.array([[1.25], [-0.5]]), np.array([[2.0], [np.nan]]))
    >>> said.title, said.phrases(), said.truths()
    ('score', ['+1.25', '-0.50'], ['+2.00', ''])
    """

    spec: TargetSpec
    answers: np.ndarray
    values: np.ndarray | None = None

    @property
    def kind(self) -> TargetKind:
        """What answers for its kind."""
        return TARGET_KINDS[self.spec.kind]

    @property
    def title(self) -> str:
        """What it is called: its name, or where that says nothing what its number is."""
        alone = self.spec.name == LABEL and self.spec.width == 1
        return self.spec.names[0] if alone else self.spec.name

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield the answer to each utterance, as it stands in JSON."""
        for row in self.answers:
            yield self.kind.answer(self.spec, row)

    def phrases(self) -> list[str]:
        """Return the answer to each utterance in a few words."""
        return [self.kind.phrase(self.spec, one["prediction"]) for one in self.records()]

    def truths(self) -> list[str]:
        """Return what is known of each utterance in a few words; "" of nothing."""
        if self.values is None:
            return [""] * len(self.answers)
        known = [self.kind.truth(self.spec, row) for row in self.values]
        return ["" if one is None else self.kind.phrase(self.spec, one) for one in known]

    def distances(self) -> np.ndarray:
        """Return how far each answer is from what is true, (N,); see `TargetKind.distance`."""
        if self.values is None:
            return np.full(len(self.answers), np.nan)
        return self.kind.distance(self.spec, self.values, self.answers)

    def summed_up(self) -> str:
        """Return the answers to all utterances in a phrase."""
        return self.kind.sum_up(self.spec, self.answers)

    def select(self, rows: Any) -> TargetAnswers:
        """Return those to some utterances."""
        values = None if self.values is None else self.values[rows]
        return TargetAnswers(self.spec, self.answers[rows], values)
