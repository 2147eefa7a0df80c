"""Assign whole dialogues to splits, the same way every time for one seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ariigcn_dgl.data.dialogues import UNLABELLED, Dialogues
from ariigcn_dgl.errors import InputError

AT_RANDOM = "at random, 80 % train, 10 % val, 10 % test, seed {seed}"
VAL_AT_RANDOM = "val at random, {percent:g} % of the labelled training dialogues, seed {seed}"
OWN = "as the data set has them"


def with_val_split(dialogues: Dialogues, seed: int = 0, fraction: float = 0.1) -> Dialogues:
    """Move a seeded choice of labelled training dialogues to `val`, if no dialogue is there.

    Parameters
    ----------
    dialogues : Dialogues
        Returned unchanged if it has a `val` split already.
    seed : int
        Seed of the choice.
    fraction : float
        Share of the labelled training dialogues to move; at least one moves and one stays.

    Raises
    ------
    InputError
        If there are fewer than two labelled training dialogues to divide.
    """
    if "val" in dialogues.splits:
        return dialogues
    train = np.array(dialogues.splits) == "train"
    # Those with labels: a `val` without any could choose no epoch.
    candidates = np.flatnonzero(train & in_any(dialogues.labelled, dialogues.dialogue_ptr))
    if len(candidates) < 2:
        raise InputError(
            f"split: {len(candidates)} labelled dialogues in 'train' and none in "
            f"'val', expected at least 2 in 'train' to take 'val' from, or a 'val' of your own"
        )
    count = min(max(round(fraction * len(candidates)), 1), len(candidates) - 1)
    moved = np.random.default_rng(seed).choice(candidates, count, replace=False)
    splits = list(dialogues.splits)
    for dialogue in moved:
        splits[dialogue] = "val"
    taken = VAL_AT_RANDOM.format(percent=100 * fraction, seed=seed)
    divided = f"{dialogues.divided or OWN}; {taken}"
    return replace(dialogues, splits=tuple(splits), divided=divided)


def random_splits(labelled: np.ndarray, seed: int = 0) -> tuple[tuple[str, ...], str]:
    """Divide dialogues that come without splits: 80 % train, 10 % val, 10 % test.

    Dialogues without a label are `test`, since one can only predict on them. With fewer than three
    labelled dialogues there is nothing to divide and all are `test`.

    Parameters
    ----------
    labelled : (B,) bool array
        True where the dialogue has at least one label.
    seed : int
        Seed of the choice.

    Returns
    -------
    splits : tuple of str, length B
    divided : str
        For `Dialogues.divided`; "" where there was nothing to divide.
    """
    splits = np.full(len(labelled), "test", dtype="<U5")  # wide enough for "train"
    order = np.random.default_rng(seed).permutation(np.flatnonzero(labelled))
    if len(order) < 3:
        return tuple(splits.tolist()), ""
    tenth = max(round(0.1 * len(order)), 1)  # the first of the shuffled stay test
    splits[order[tenth : 2 * tenth]] = "val"
    splits[order[2 * tenth :]] = "train"
    return tuple(splits.tolist()), AT_RANDOM.format(seed=seed)


def has_label(labels: np.ndarray, dialogue_ptr: np.ndarray) -> np.ndarray:
    """Return for each dialogue whether one of its utterances is labelled, (B,) bool."""
    return in_any(labels != UNLABELLED, dialogue_ptr)


def in_any(known: np.ndarray, dialogue_ptr: np.ndarray) -> np.ndarray:
    """Return for each dialogue whether something is known of one of its utterances, (B,) bool."""
    return np.logical_or.reduceat(known, dialogue_ptr[:-1])
