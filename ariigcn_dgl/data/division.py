"""How a data set came to be divided into splits, in words: for records, tables and checks."""

from __future__ import annotations

import numpy as np

from ariigcn_dgl.data.community.published import PUBLISHED_CLASSES
from ariigcn_dgl.data.dialogues import Dialogues
from ariigcn_dgl.data.split import OWN


def splits_in_words(dialogues: Dialogues) -> str:
    """Return how the splits came about, and whether the test split is a published one.

    Parameters
    ----------
    dialogues : Dialogues
        As it is trained on: with its `val`, and its fold of a cross-validation.

    Examples
    --------
    >>> from ariigcn_dgl.data import SynthConfig, synthesise
    >>> splits_in_words(synthesise(SynthConfig()))
    'as the data set has them'
    """
    official = official_test(dialogues)
    test = f"test is the official split of {official}" if official else ""
    return "; ".join(part for part in (dialogues.divided or OWN, test) if part)


def official_test(dialogues: Dialogues) -> str:
    """Return the data set whose published test split this is, by its counts of classes; "" of none.

    Dialogues, utterances of each class and their number must all be those that are published.
    """
    labels = dialogues.labels[dialogues.in_split("test") & (dialogues.labels >= 0)]
    counts = sorted(np.bincount(labels, minlength=dialogues.num_classes).tolist())
    for one in PUBLISHED_CLASSES:
        count = one.splits["test"]
        if (count.dialogues, sorted(count.classes)) == (dialogues.splits.count("test"), counts):
            return one.name
    return ""
