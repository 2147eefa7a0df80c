"""Few labels: training dialogues of which only a share is annotated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ariigcn_dgl.data import UNLABELLED, Dialogues


def with_label_share(dialogues: Dialogues, share: float, seed: int) -> Dialogues:
    """Return the dialogues with the labels of a share of the training dialogues, and of no others.

    Whole dialogues, because that is how annotators work; the others stay, as unlabelled ones. A
    larger share has the labels of a smaller one and more. Validation and test keep theirs.

    Parameters
    ----------
    dialogues : Dialogues
    share : float
        In (0, 1], of those that have labels; at least one dialogue keeps its own.
    seed : int
        Decides which.

    Examples
    --------
    >>> from ariigcn_dgl.data import SynthConfig, synthesise
    >>> data = synthesise(SynthConfig(train=10))
    >>> few = with_label_share(data, 0.2, seed=0)
    >>> int(sum((few.labels[few.rows(b)] >= 0).any() for b in few.indices("train")))
    2
    """
    if share == 1:
        return dialogues
    train = dialogues.indices("train")
    labelled = np.bincount(dialogues.row_dialogues, dialogues.labelled, dialogues.num_dialogues)
    train = np.random.default_rng(seed).permutation(train[labelled[train] > 0])
    hidden = np.zeros(dialogues.num_utterances, bool)
    for dialogue in train[max(1, round(share * len(train))) :]:
        hidden[dialogues.rows(dialogue)] = True
    return replace(
        dialogues,
        labels=np.where(hidden, UNLABELLED, dialogues.labels),
        targets={name: target.without(hidden) for name, target in dialogues.targets.items()},
    )
