"""What is known of utterances: what losses compare answers with."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from ariigcn_dgl.data.dialogues import UNLABELLED


@dataclass(frozen=True)
class Truth:
    """Labels and targets of N utterances.

    Parameters
    ----------
    labels : (N,) int64 tensor
        Class, `UNLABELLED` (-1) where unknown.
    targets : dict of str to (N, columns) float32 tensor
        What is to be predicted beside the labels, NaN where unknown.

    Examples
    --------
    >>> truth = Truth(torch.tensor([2, -1, 0]), {"mood": torch.tensor([[0.5], [1.0], [1.5]])})
    >>> truth.rows(torch.tensor([1])).known.tolist()
    [True]
    >>> truth.where(torch.tensor([True, False, True])).known.tolist()
    [True, False, True]
    """

    labels: Tensor
    targets: dict[str, Tensor] = field(default_factory=dict)

    @property
    def known(self) -> Tensor:
        """Of which utterances at least one target is known, (N,) bool."""
        known = self.labels != UNLABELLED
        for values in self.targets.values():
            known = known | ~values.isnan().all(1)
        return known

    def rows(self, rows: Tensor) -> Truth:
        """Return what is known of some utterances, in the given order."""
        return Truth(self.labels[rows], {name: x[rows] for name, x in self.targets.items()})

    def where(self, kept: Tensor) -> Truth:
        """Return it with nothing known of the utterances that are not kept, (N,) bool."""
        masked = {
            name: x.masked_fill(~kept.unsqueeze(1), torch.nan) for name, x in self.targets.items()
        }
        return Truth(torch.where(kept, self.labels, UNLABELLED), masked)
