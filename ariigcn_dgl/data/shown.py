"""Dialogues as a model is shown them: standardised and filled, a batch at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ariigcn_dgl.data.dialogues import Dialogues
from ariigcn_dgl.data.fill import Filler, FillKind
from ariigcn_dgl.data.standardise import Standardiser


@dataclass(frozen=True)
class Shown:
    """Dialogues whose features are scaled and filled when they are asked for, and not kept.

    Those that are reconstructed are kept, all of them.

    Parameters
    ----------
    dialogues : Dialogues
        With the features that were read.
    standardiser : Standardiser
    filler : Filler

    Examples
    --------
    >>> from ariigcn_dgl.data import SynthConfig, synthesise
    >>> data = synthesise(SynthConfig())
    >>> standardiser = Standardiser.fit(data, "train")
    >>> some = Shown(data, standardiser, Filler()).select([3, 1])
    >>> all_of_them = standardiser.apply(data).select([3, 1])
    >>> bool((some.features["text"] == all_of_them.features["text"]).all())
    True
    """

    dialogues: Dialogues
    standardiser: Standardiser
    filler: Filler

    @classmethod
    def fit(cls, dialogues: Dialogues, missing: FillKind) -> Shown:
        """Learn from the training split how to scale and fill; nothing else may decide it."""
        shown = cls(dialogues, Standardiser.fit(dialogues, "train"), Filler())
        if missing == "reconstruct":  # the one that must see all of it at once
            train = shown.select(dialogues.indices("train"))
            return replace(shown, filler=Filler.fit(missing, train))
        return replace(shown, filler=Filler(missing))

    @property
    def num_dialogues(self) -> int:
        """Number of dialogues B."""
        return self.dialogues.num_dialogues

    @property
    def num_outputs(self) -> int:
        """Outputs that a model of all targets has; of classes alone their number C."""
        return self.dialogues.num_outputs

    @property
    def masks(self) -> dict[str, np.ndarray]:
        """Where a modality is shown, (N,) bool of each: there, or filled."""
        there = self.dialogues.masks
        if self.filler.kind == "zero":
            return there
        if self.filler.kind == "reconstruct":
            return self._reconstructed.masks
        return {name: np.ones_like(mask) for name, mask in there.items()}

    def select(self, dialogues: Sequence[int] | np.ndarray) -> Dialogues:
        """Return the chosen dialogues, in the given order, as the model is to see them."""
        if self.filler.kind == "reconstruct":
            return self._reconstructed.select(dialogues)
        return self._of(self.dialogues.select(dialogues))

    @cached_property
    def _reconstructed(self) -> Dialogues:
        # The last bit of a matrix product depends on how many rows it has: once for all batches.
        return self._of(self.dialogues)

    def _of(self, dialogues: Dialogues) -> Dialogues:
        return self.filler.apply(self.standardiser.apply(dialogues))

    def unfilled(self) -> Shown:
        """Return the same with what is missing left as zeros."""
        return replace(self, filler=Filler())
