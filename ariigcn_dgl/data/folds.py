"""Cross-validation: each of several groups of dialogues is the test split once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ariigcn_dgl.data.dialogues import Dialogues
from ariigcn_dgl.data.split import with_val_split
from ariigcn_dgl.errors import InputError

FOLD_SEED = 0  # not a run's: all systems and seeds are compared on the same folds


@dataclass(frozen=True)
class Fold:
    """One round of a cross-validation.

    Parameters
    ----------
    number : int
        From 0.
    of : int
        Number of rounds.
    """

    number: int
    of: int


def with_fold(dialogues: Dialogues, fold: Fold) -> Dialogues:
    """Return the dialogues with one group of them as the test split.

    What was `val` and is not in the group stays `val`, unless nothing is left of it: then a seeded
    tenth of the rest becomes `val`. All else is `train`.

    Parameters
    ----------
    dialogues : Dialogues
        The set, with the splits that it has.
    fold : Fold
        Which group is the test split.

    Raises
    ------
    InputError
        If there are fewer dialogues than folds, or too few to train and validate on.

    Examples
    --------
    >>> from ariigcn_dgl.data import SynthConfig, synthesise
    >>> data = synthesise(SynthConfig())
    >>> rounds = [with_fold(data, Fold(number, 3)) for number in range(3)]
    >>> sum(len(one.indices("test")) for one in rounds) == data.num_dialogues
    True
    """
    test = groups(dialogues, fold.of) == fold.number
    splits = np.where(test, "test", np.where(np.array(dialogues.splits) == "val", "val", "train"))
    divided = f"fold {fold.number} (from 0) of {folds_in_words(dialogues, fold.of)}"
    return with_val_split(replace(dialogues, splits=tuple(splits.tolist()), divided=divided))


def folds_in_words(dialogues: Dialogues, number: int) -> str:
    """Return how `groups` divides dialogues: "5 folds that share no speaker"."""
    if _parts_without_common_speaker(dialogues).max() + 1 < number:
        return f"{number} folds of dialogues drawn at random, seed {FOLD_SEED}"
    return f"{number} folds that share no speaker"


def groups(dialogues: Dialogues, number: int) -> np.ndarray:
    """Divide dialogues into groups of about the same number of utterances.

    Dialogues that share a speaker, directly or through other dialogues, stay together where that
    leaves at least as many parts as there are groups (the five sessions of IEMOCAP are such parts);
    otherwise dialogues are divided at random, the same way every time.

    Parameters
    ----------
    dialogues : Dialogues
        The set.
    number : int
        Number of groups G.

    Returns
    -------
    (B,) int64 array
        Group of each dialogue, from 0, in the order of the groups' first dialogues.

    Raises
    ------
    InputError
        If there are fewer dialogues than groups.
    """
    if dialogues.num_dialogues < number:
        raise InputError(
            f"{dialogues.name}: {dialogues.num_dialogues} dialogues cannot be divided into "
            f"{number} folds: choose fewer"
        )
    part = _parts_without_common_speaker(dialogues)
    if part.max() + 1 < number:
        part = np.random.default_rng(FOLD_SEED).permutation(dialogues.num_dialogues)
    sizes = np.bincount(part, weights=dialogues.lengths)
    of_part, load = np.empty(len(sizes), np.int64), np.zeros(number)
    for one in np.argsort(-sizes, kind="stable"):  # the largest first, to the smallest group
        of_part[one] = load.argmin()
        load[of_part[one]] += sizes[one]
    _, first, group = np.unique(of_part[part], return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[group]


def _parts_without_common_speaker(dialogues: Dialogues) -> np.ndarray:
    """Return the number of each dialogue's part, (B,), of the graph of dialogues and speakers."""
    count = dialogues.num_dialogues
    of_row = dialogues.row_dialogues
    nodes = count + len(dialogues.speaker_names)
    # Every utterance links its dialogue with its speaker.
    edges = (np.ones(len(of_row)), (of_row, count + dialogues.speakers))
    components = connected_components(coo_array(edges, shape=(nodes, nodes)), directed=False)[1]
    return np.unique(components[:count], return_inverse=True)[1]
