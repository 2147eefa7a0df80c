"""Whether a split has dialogues enough for its score to say anything."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from ariigcn_dgl.data import UNLABELLED, Dialogues
from ariigcn_dgl.training.drawn_dialogues import LEVEL

# Points from end to end: what lies between systems that see one utterance (MLP) and the dialogue,
# on IEMOCAP (docs/findings.md). A score that is less sure could not tell even these apart.
WIDEST = 11.0


def accuracy_interval(hits: np.ndarray, dialogues: np.ndarray) -> tuple[float, float] | None:
    """Return the 95 % interval of an accuracy, in percent, over dialogues like these.

    Utterances of a dialogue are not independent: the standard error is that of a ratio of sums over
    dialogues, with Student's t for as many as there are. Never narrower than Wilson's interval for
    independent utterances, so that a perfect score on a few of them is not taken as certain.

    Parameters
    ----------
    hits : (N,) array
        Whether each labelled utterance was right; of several seeds the share that was.
    dialogues : (N,) array
        Dialogue of each.

    Returns
    -------
    (low, high), or None of a single dialogue, which does not tell how others differ.

    Examples
    --------
    >>> hits, dialogues = np.array([1, 1, 0, 1, 1, 1]), np.array([0, 0, 0, 1, 1, 1])
    >>> [round(bound) for bound in accuracy_interval(hits, dialogues)]
    [0, 100]
    """
    number, group = np.unique(dialogues, return_inverse=True)
    if len(number) < 2:
        return None
    total, share = len(hits), float(np.mean(hits))
    off = np.bincount(group, weights=hits) - share * np.bincount(group)
    degrees = len(number) - 1
    error = np.sqrt((off**2).sum() * len(number) / degrees) / total
    half = float(stats.t.ppf((1 + LEVEL) / 2, degrees)) * float(error)
    z = float(stats.norm.ppf((1 + LEVEL) / 2))
    middle = (share + z**2 / (2 * total)) / (1 + z**2 / total)
    wilson = z * np.sqrt(share * (1 - share) / total + (z / (2 * total)) ** 2) / (1 + z**2 / total)
    low, high = min(share - half, middle - wilson), max(share + half, middle + wilson)
    return 100 * max(float(low), 0.0), 100 * min(float(high), 1.0)


def size_warning(split: str, hits: np.ndarray, dialogues: np.ndarray) -> str:
    """Return a sentence where a split is too small for its score to mean much, else ""."""
    count = len(np.unique(dialogues))
    of = f"{split}: {len(hits)} labelled utterances in {count} dialogue{'s'[: count > 1]}"
    found = accuracy_interval(hits, dialogues)
    if found is None:
        return f"{of}: nothing tells how far the score of others would differ"
    if found[1] - found[0] <= WIDEST:
        return ""
    return (
        f"{of} say little: the 95 % interval of the accuracy over dialogues is {found[0]:.0f} to "
        f"{found[1]:.0f}, wider than the {WIDEST:.0f} points that seeing the dialogue is worth on "
        "IEMOCAP"
    )


def seeds_warning(split: str, hits: Sequence[np.ndarray], dialogues: np.ndarray) -> str:
    """Return `size_warning` of several seeds, of each whether it was right, (N,)."""
    return size_warning(split, np.mean(hits, axis=0), dialogues)


def split_warning(split: str, part: Dialogues, said: Sequence[np.ndarray]) -> str:
    """Return `size_warning` of what seeds say of a split.

    Parameters
    ----------
    split : str
    part : Dialogues
        The split, with the classes of the run.
    said : sequence of (N, C) array
        Probabilities of all utterances by each seed.
    """
    known = part.labels != UNLABELLED
    hits = [(p.argmax(1) == part.labels)[known] for p in said]
    return seeds_warning(split, hits, part.row_dialogues[known]) if known.any() else ""
