"""Hide whole modalities in training, and fill them, so that a model works without them later."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from ariigcn_dgl.batch import Batch
from ariigcn_dgl.data.fill import Filler
from ariigcn_dgl.data.missing import zero_missing
from ariigcn_dgl.models.system import known_lengths


def drop_modalities(batch: Batch, probability: float, generator: np.random.Generator) -> Batch:
    """Return the batch with modalities hidden from some dialogues, as if they were missing.

    Whole dialogues, because that is how modalities are missing in use: a recording without a
    picture, a conversation without a transcript. Where chance would hide all of a dialogue's
    modalities, one of them, drawn evenly, stays.

    Parameters
    ----------
    batch : Batch
        On the CPU.
    probability : float
        Of each modality in each dialogue; 0 returns the batch itself.
    generator : numpy.random.Generator
        Draws twice for each modality of each dialogue.

    Examples
    --------
    >>> from ariigcn_dgl.data import SynthConfig, synthesise
    >>> from ariigcn_dgl.batch import Window, collate
    >>> batch = collate(synthesise(SynthConfig()), [0, 1, 2, 3], Window())
    >>> dropped = drop_modalities(batch, 0.5, np.random.default_rng(0))
    >>> 0 < sum(int(mask.sum()) for mask in dropped.masks.values()) < 3 * len(batch.labels)
    True
    """
    if probability == 0:
        return batch
    kept = _kept(_dialogues_with(batch), probability, generator)
    rows = torch.from_numpy(kept).repeat_interleave(known_lengths(batch), dim=1)
    masks = {name: mask & row for (name, mask), row in zip(batch.masks.items(), rows, strict=True)}
    features = {m: zero_missing(x, masks[m]) for m, x in batch.features.items()}
    return replace(batch, features=features, masks=masks)


def fill_batch(batch: Batch, filler: Filler) -> Batch:
    """Return the batch, on the CPU, with what is missing or hidden filled."""
    if filler.kind == "zero":
        return batch
    features, masks = filler.fill(
        {m: x.numpy() for m, x in batch.features.items()},
        {m: mask.numpy() for m, mask in batch.masks.items()},
        batch.thread.numpy(),
    )
    return replace(
        batch,
        features={m: torch.from_numpy(x) for m, x in features.items()},
        masks={m: torch.from_numpy(mask) for m, mask in masks.items()},
    )


def _dialogues_with(batch: Batch) -> np.ndarray:
    """Return which dialogues have a modality in any utterance, (M, B) bool."""
    lengths = known_lengths(batch).tolist()
    parts = [mask.split(lengths) for mask in batch.masks.values()]
    return np.array([[bool(part.any()) for part in of_modality] for of_modality in parts])


def _kept(there: np.ndarray, probability: float, generator: np.random.Generator) -> np.ndarray:
    """Return which modality each dialogue keeps, (M, B) bool; at least one that is there."""
    kept = generator.random(there.shape) >= probability
    spared = np.where(there, generator.random(there.shape), -1).argmax(0)
    lost = ~(kept & there).any(0)
    kept[spared[lost], lost] = True
    return kept
