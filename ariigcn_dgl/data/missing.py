"""Missing modalities: the rule, in one place.

A modality is missing for an utterance where its mask is False: there was no sound, no picture, no
transcript, or it is hidden on purpose (`drop_modalities`, ``--modalities``). Then

1. its row of features is zeros, from the reader on: readers write zeros (`read_plain`: for a row of
   NaN), `check` refuses anything else, and whatever changes features keeps to it with
   `zero_missing` (`Standardiser.scale`, `drop_modalities`);
2. no statistic is over it: means and deviations of columns (`Standardiser.fit`) and means of
   speakers (`SpeakerRelative`) are over the rows that are there;
3. what a model computes from this modality alone is zeros, too: `zero_missing` behind a layer,
   whose bias would otherwise speak for it (`ARIIGCN.encode`, `BcLSTM`); systems that concatenate
   modalities see zeros (`zero_where_missing`), and attention does not look at it
   (`CrossModalTransformer`); it is no node of a graph of modalities (`ModalityGraph`);
4. in a contrast over one modality the utterance counts as unlabelled (`ARIIGCN`,
   `AdversarialContrastive`); the classifiers of AR-IIGCN's single modalities, which read states
   that the dialogue has been mixed into, count it;
5. in a loss over a modality that is made out of others it counts where all of those are there
   (`TriModalGAN`).

6. with ``training.missing`` other than zero, a model is shown a filled row in its place
   (`ariigcn_dgl.data.fill`), which counts as there in 3, 4 and 5.

The utterance's label and its other modalities count as ever. A modality that a data set lacks
altogether is missing everywhere (`absent`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ariigcn_dgl.errors import InputError

if TYPE_CHECKING:  # this file serves both, and data is read without torch
    from torch import Tensor

    from ariigcn_dgl.data.dialogues import Dialogues

Rows = TypeVar("Rows", np.ndarray, "Tensor")


def zero_missing(rows: Rows, mask: Rows) -> Rows:
    """Return rows of one modality, or of several, with zeros where it is missing.

    Zeros are chosen, not multiplied: what stands in a missing row may be NaN.

    Parameters
    ----------
    rows : (..., N, D) array or tensor
        Of the utterances.
    mask : (..., N) bool array or tensor
        False where the modality is missing.

    Examples
    --------
    >>> zero_missing(np.array([[1.0, 2.0], [np.nan, 3.0]]), np.array([True, False])).tolist()
    [[1.0, 2.0], [0.0, 0.0]]
    """
    if isinstance(rows, np.ndarray):
        return np.where(mask[..., None], rows, rows.dtype.type(0))
    return rows.masked_fill(~mask.unsqueeze(-1), 0)


def without_modalities(dialogues: Dialogues, names: Collection[str]) -> Dialogues:
    """Return the dialogues with some of their modalities missing everywhere.

    Raises
    ------
    InputError
        If one is not there, or none would be left.
    """
    for name in names:
        if name not in dialogues.features:
            known = ", ".join(dialogues.features)
            raise InputError(
                f"{dialogues.name}: has no modality '{name}' to be absent, only {known}"
            )
    if dialogues.features.keys() <= set(names):
        raise InputError(
            f"{dialogues.name}: without {', '.join(names)} nothing is left to tell an emotion by: "
            "leave one modality in"
        )
    features, masks = dict(dialogues.features), dict(dialogues.masks)
    sequences = dict(dialogues.sequences)
    for name in names:
        features[name], masks[name] = absent(dialogues.num_utterances, features[name].shape[1])
        if name in sequences:
            sequences[name] = sequences[name].where(masks[name])
    return replace(dialogues, features=features, masks=masks, sequences=sequences)


def absent(count: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the features, (N, D), and the mask, (N,), of a modality that no utterance has.

    Parameters
    ----------
    count : int
        Number of utterances N.
    width : int
        Columns D that the modality would have.

    Examples
    --------
    >>> features, mask = absent(2, 3)
    >>> features.shape, mask.tolist()
    ((2, 3), [False, False])
    """
    return np.zeros((count, width), np.float32), np.zeros(count, bool)
