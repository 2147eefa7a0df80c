"""Features that are not of the make that a run was trained on: another encoder, another scale.

Judged by the run's standardiser alone, so that no training data have to be kept. What it takes was
measured on IEMOCAP, MELD and MUStARD (docs/data.md): between splits, sessions, speakers and single
dialogues of one make nothing comes near the bounds; another encoder of the same width, embeddings
that were or were not normalised, and columns that were or were not scaled lie beyond them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ariigcn_dgl.data.columns import columns_of
from ariigcn_dgl.data.standardise import Standardiser

FEWEST = 5  # rows to say anything by
ENOUGH = 30  # rows to say that columns spread too little: what few people say is alike
LARGEST_SPREAD = 2.0  # of deviations here over those of training, median over columns
LARGEST_SHIFT = 1.5  # deviations between the means, median over columns
LEAST_LIKENESS = 0.25  # rank correlation of the means over columns: single ones may be extreme
# Means that are told apart from 0 in enough columns: a correlation of others is chance.
LEAST_MEANS, LEAST_COLUMNS = 0.1, 50
ADVICE = "its probabilities mean little; extract the features as for training"


def unlike_rows(
    standardiser: Standardiser,
    rows: Mapping[str, np.ndarray],
    masks: Mapping[str, np.ndarray] | None = None,
) -> dict[str, str]:
    """Return what is odd about features, by modality; empty where they are as in training.

    Parameters
    ----------
    standardiser : Standardiser
        Of the run.
    rows : dict of str to (N_m, D_m) array
        Rows of each modality, not yet standardised, of the widths that the standardiser knows.
    masks : dict of str to (N_m,) bool array, optional
        Which of them are there; default: all.

    Examples
    --------
    >>> from ariigcn_dgl.data import SynthConfig, synthesise
    >>> data = synthesise(SynthConfig()).with_modalities(["text"])
    >>> standardiser = Standardiser.fit(data)
    >>> unlike_rows(standardiser, data.features)
    {}
    >>> unlike_rows(standardiser, {"text": 4 * data.features["text"]})
    {'text': 'its columns spread 3.8 times as much as in training: another scale'}
    """
    there = masks or {name: np.ones(len(array), bool) for name, array in rows.items()}
    found = {name: _oddity(standardiser, name, x, there[name]) for name, x in rows.items()}
    return {name: odd for name, odd in found.items() if odd}


def _oddity(standardiser: Standardiser, name: str, rows: np.ndarray, mask: np.ndarray) -> str:
    count = int(mask.sum())
    if count < FEWEST:
        return ""
    std = standardiser.std[name].astype(np.float64)
    varied = std != 1  # `Standardiser.fit` leaves columns that are constant in training at 1
    varied = varied if varied.any() else np.ones_like(varied)
    # Clipped as the model sees them: single failed measurements decide nothing.
    z = columns_of(rows, mask, lambda x: standardiser.scale(name, x, np.ones(len(x), bool)))
    mean = z.mean[varied]
    shift, spread = float(np.median(np.abs(mean))), float(np.median(z.std[varied]))
    if spread > LARGEST_SPREAD or (spread < 1 / LARGEST_SPREAD and count >= ENOUGH):
        return f"its columns spread {spread:.1f} times as much as in training: another scale"
    if shift > LARGEST_SHIFT:
        return f"its columns lie {shift:.1f} deviations off those of training: another scale"
    means = (standardiser.mean[name] / std)[varied]
    if len(means) < LEAST_COLUMNS or np.median(np.abs(means)) < LEAST_MEANS:
        return ""
    likeness = float(np.corrcoef(_ranks(means), _ranks(means + mean))[0, 1])
    if likeness < LEAST_LIKENESS:
        return (
            f"the means of its columns are not those of training (correlation {likeness:.2f}, "
            f"expected {LEAST_LIKENESS:g} or more): another encoder, or another order of columns"
        )
    return ""


def _ranks(values: np.ndarray) -> np.ndarray:
    return np.argsort(np.argsort(values))
