"""Column means and deviations of the training features."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ariigcn_dgl.data.dialogues import Dialogues
from ariigcn_dgl.data.missing import zero_missing

LARGEST_Z = 8.0  # deviations that outliers are clipped to: a failed measurement is no signal
_FLOAT32 = np.finfo(np.float32)
_ROUNDING = 4 * float(_FLOAT32.eps)  # what is left of a constant after a few operations


def varies(rows: np.ndarray) -> np.ndarray:
    """Return which columns, (D,) bool, vary by more than the rounding of float32.

    The measure is relative: features in volts or shares of power vary by 1e-7 and carry as much.

    Parameters
    ----------
    rows : (N, D) float64 array
        At least one row.

    Examples
    --------
    >>> rows = np.array([[1e-9, 1.0, 0.0], [2e-9, 1.0 + 1e-7, 0.0]])
    >>> varies(rows).tolist()
    [True, False, False]
    """
    bound = np.maximum(_ROUNDING * np.abs(rows).max(0), float(_FLOAT32.tiny))
    return rows.std(0) > bound


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
    >>> scaled = Standardiser.fit(data.select(data.indices("train"))).apply(data)
    >>> scaled.features["text"].dtype
    dtype('float32')
    """

    mean: dict[str, np.ndarray]
    std: dict[str, np.ndarray]

    @classmethod
    def fit(cls, dialogues: Dialogues) -> Standardiser:
        """Measure the rows that are not missing; of a sequence all rows, not their means."""
        mean, std = {}, {}
        for name, features in dialogues.features.items():
            sequence = dialogues.sequences.get(name)
            found = features[dialogues.masks[name]] if sequence is None else sequence.rows
            # In float64: sums of many float32 lose digits that small deviations are made of.
            rows = found.astype(np.float64)
            if len(rows) == 0:  # a modality that training never shows: 0 and 1 change nothing
                rows = np.zeros((1, features.shape[1]))
            mean[name] = rows.mean(0).astype(np.float32)
            std[name] = np.where(varies(rows), rows.std(0), 1).astype(np.float32)
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
