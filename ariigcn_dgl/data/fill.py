"""What stands in the place of a missing modality: nothing, the speaker's mean, or a reconstruction.

Applied to standardised features, right before a model sees them: `Filler.fill` is the only place.
Zero is then the mean of the training features, so that filling with that mean would change no
feature; what it would change, as every filling does, is the mask: a filled row counts as there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Literal

import numpy as np

from ariigcn_dgl.data.dialogues import Dialogues

FillKind = Literal["zero", "speaker_mean", "reconstruct"]
# Of the ridge regression, a row: columns have variance 1, and what varies less than a tenth of
# that, in any direction, is not relied on.
RIDGE = 0.1

Columns = Mapping[str, np.ndarray]  # of each modality


@dataclass(frozen=True)
class Filler:
    """Fills rows of missing modalities.

    Parameters
    ----------
    kind : {"zero", "speaker_mean", "reconstruct"}
        "zero": a missing row stays zeros, and missing. "speaker_mean": the mean of the speaker's
        rows that are there in the dialogue, else of the training rows. "reconstruct": a linear
        function of the modalities that the utterance has; without any, it stays missing.
    maps : mapping of str to (D + 1, D_m) float32 array
        Of "reconstruct": for each modality, and each set of others, the weights of the others'
        columns and, last, the intercept; under the names of `map_names`.
    """

    kind: FillKind = "zero"
    maps: Columns = field(default_factory=dict)

    @classmethod
    def fit(cls, kind: FillKind, dialogues: Dialogues) -> Filler:
        """Return what fills dialogues like these, as far as all of a map's modalities are there.

        Parameters
        ----------
        kind : {"zero", "speaker_mean", "reconstruct"}
        dialogues : Dialogues
            Of the training split, standardised.
        """
        if kind != "reconstruct":
            return cls(kind)
        maps = {}
        for target, sources in _patterns(list(dialogues.features)):
            rows = np.all([dialogues.masks[name] for name in (target, *sources)], axis=0)
            if rows.any():
                x = _joined(dialogues.features, sources, rows)
                maps[_name(target, sources)] = _ridge(x, dialogues.features[target][rows])
        return cls(kind, maps)

    def apply(self, dialogues: Dialogues) -> Dialogues:
        """Return standardised dialogues with what is missing filled."""
        if self.kind == "zero":
            return dialogues
        talkers = talkers_of(dialogues.speakers, dialogues.lengths)
        features, masks = self.fill(dialogues.features, dialogues.masks, talkers)
        return replace(dialogues, features=features, masks=masks)

    def fill(
        self, features: Columns, masks: Columns, talkers: np.ndarray
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Return features and masks of utterances, filled rows counted as there.

        Parameters
        ----------
        features : mapping of str to (N, D_m) float32 array
            Standardised.
        masks : mapping of str to (N,) bool array
        talkers : (N,) int array
            What `talkers_of` returned.

        Examples
        --------
        >>> features = {"audio": np.array([[2.0], [4.0], [0.0]], np.float32)}
        >>> masks = {"audio": np.array([True, True, False])}
        >>> filled, masks = Filler("speaker_mean").fill(features, masks, np.array([0, 0, 0]))
        >>> filled["audio"].tolist(), masks["audio"].tolist()
        ([[2.0], [4.0], [3.0]], [True, True, True])
        """
        if self.kind == "speaker_mean":
            means = {m: _speaker_means(x, masks[m], talkers) for m, x in features.items()}
            filled = {m: np.where(masks[m][:, None], x, means[m]) for m, x in features.items()}
            return filled, {m: np.ones_like(mask) for m, mask in masks.items()}
        if self.kind == "reconstruct":
            return self._reconstructed(features, masks)
        return dict(features), dict(masks)

    def _reconstructed(
        self, features: Columns, masks: Columns
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        filled = {m: x.copy() for m, x in features.items()}
        there = {m: mask.copy() for m, mask in masks.items()}
        for target, sources in _patterns(list(features)):
            weights = self.maps.get(_name(target, sources))
            # The sources, and no other: each row has one map of each modality that it lacks.
            rows = np.all([masks[m] == (m in sources) for m in features], axis=0)
            if weights is not None and rows.any():
                x = _joined(features, sources, rows)
                filled[target][rows] = x @ weights[:-1] + weights[-1]
                there[target][rows] = True
        return filled, there


def map_shapes(widths: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Return the shape of each map that features of these widths can have.

    Examples
    --------
    >>> map_shapes({"text": 4, "audio": 2})
    {'text from audio': (3, 4), 'audio from text': (5, 2)}
    """
    return {
        _name(target, sources): (1 + sum(widths[name] for name in sources), widths[target])
        for target, sources in _patterns(list(widths))
    }


def talkers_of(speakers: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return a number, (N,), for each speaker in each dialogue.

    Examples
    --------
    >>> talkers_of(np.array([5, 7, 5, 5]), np.array([3, 1])).tolist()
    [0, 1, 0, 2]
    """
    pairs = np.stack([np.repeat(np.arange(len(lengths)), lengths), speakers], axis=1)
    return np.unique(pairs, axis=0, return_inverse=True)[1].reshape(-1)


def _speaker_means(rows: np.ndarray, mask: np.ndarray, talkers: np.ndarray) -> np.ndarray:
    """Return the mean of each row's speaker, (N, D); 0, of all training rows, without any."""
    sums = np.zeros((talkers.max(initial=-1) + 1, rows.shape[1]))
    np.add.at(sums, talkers[mask], rows[mask])
    counts = np.bincount(talkers[mask], minlength=len(sums))
    return (sums / np.maximum(counts, 1)[:, None])[talkers].astype(np.float32)


def _patterns(names: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each modality with each set of others that it may have to be made of."""
    for target in names:
        others = [name for name in names if name != target]
        for count in range(1, len(names)):
            for sources in combinations(others, count):
                yield target, sources


def _name(target: str, sources: Sequence[str]) -> str:
    return f"{target} from {'+'.join(sources)}"


def _joined(features: Columns, names: Sequence[str], rows: np.ndarray) -> np.ndarray:
    return np.concatenate([features[name][rows] for name in names], axis=1)


def _ridge(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the weights of columns (N, D) for (N, D_m), and the intercept as the last row."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    x_mean, y_mean = x.mean(0), y.mean(0)
    x, y = x - x_mean, y - y_mean
    weights = np.linalg.solve(x.T @ x + RIDGE * len(x) * np.eye(x.shape[1]), x.T @ y)
    return np.vstack([weights, y_mean - x_mean @ weights]).astype(np.float32)
