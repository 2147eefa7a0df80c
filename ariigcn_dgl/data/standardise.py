"""Column means and deviations of the training features."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ariigcn_dgl.data.columns import columns_of
from ariigcn_dgl.data.dialogues import Dialogues
from ariigcn_dgl.data.missing import zero_missing

LARGEST_Z = 8.0  # deviations that outliers are clipped to: a failed measurement is no signal


@dataclass(frozen=True)
class Standardiser:
    """Bring every feature column to mean 0 and deviation 1 over the rows it was fitted on.

    Parameters
    ----------
    mean, std : dict of str to (D_m,) float32 array
        Statistics per modality.

    Examples
    --------
    >>> from ariigcn_dgl.data import SynthConfig, synthesise
    >>> data = synthesise(SynthConfig())
    >>> scaled = Standardiser.fit(data, "train").apply(data)
    >>> scaled.features["text"].dtype
    dtype('float32')
    """

    mean: dict[str, np.ndarray]
    std: dict[str, np.ndarray]

    @classmethod
    def fit(cls, dialogues: Dialogues, split: str | None = None) -> Standardiser:
        """Measure the rows that are not missing, of a split or of all.

        Of a sequence these are all its rows, not their means.
        """
        mean, std = {}, {}
        for name, rows in dialogues.features.items():
            mask = dialogues.masks[name]
            chosen = mask if split is None else mask & dialogues.in_split(split)
            if name in dialogues.sequences:
                sequence = dialogues.sequences[name]
                rows, chosen = sequence.rows, chosen[sequence.owners]
            # Of a modality that training never shows they are 0 and 1, which change nothing.
            found = columns_of(rows, chosen)
            mean[name] = found.mean.astype(np.float32)
            std[name] = np.where(found.varied, found.std, 1).astype(np.float32)
        return cls(mean, std)

    def apply(self, dialogues: Dialogues) -> Dialogues:
        """Return the dialogues with scaled features; missing rows stay zero."""
        sequences = {
            name: replace(one, rows=self.scale(name, one.rows, np.ones(len(one.rows), bool)))
            for name, one in dialogues.sequences.items()
        }
        features = {
            name: sequences[name].mean()
            if name in sequences
            else self.scale(name, array, dialogues.masks[name])
            for name, array in dialogues.features.items()
        }
        return replace(dialogues, features=features, sequences=sequences)

    def scale(self, name: str, array: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Return rows of one modality, (N, D_m), scaled; zero where the mask, (N,), is False."""
        z = (array - self.mean[name]) / self.std[name]
        return zero_missing(z.clip(-LARGEST_Z, LARGEST_Z), mask).astype(np.float32)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the statistics under flat names, to be stored."""
        return {f"{name}.mean": a for name, a in self.mean.items()} | {
            f"{name}.std": a for name, a in self.std.items()
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> Standardiser:
        """Rebuild from what `arrays` returned."""
        return cls(
            *(
                {k.removesuffix(part): a for k, a in arrays.items() if k.endswith(part)}
                for part in (".mean", ".std")
            )
        )
