"""From utterances and their features to a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from ariigcn_dgl.data import MODALITIES, UNLABELLED, Dialogues, check
from ariigcn_dgl.data.split import has_label, random_splits, with_val_split
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.spoken import Spoken


def outline(name: str, utterances: Sequence[Spoken]) -> Dialogues:
    """Return the data set of utterances, still without features.

    Without splits of their own labelled dialogues are divided at random, with a fixed seed, as
    those of any data set; `val` is taken from `train` where it is missing.

    Parameters
    ----------
    name : str
    utterances : sequence of Spoken
        Those of a dialogue together.

    Raises
    ------
    InputError
        If splits do not fit.
    """
    ids = [one.dialogue for one in utterances]
    starts = [n for n, dialogue in enumerate(ids) if n == 0 or dialogue != ids[n - 1]]
    ptr = np.array([*starts, len(ids)], np.int64)
    label_names = tuple(sorted({one.label for one in utterances} - {""}))
    speaker_names = tuple(sorted({one.speaker for one in utterances}))
    label = {"": UNLABELLED} | {label: c for c, label in enumerate(label_names)}
    speaker = {speaker: s for s, speaker in enumerate(speaker_names)}
    labels = np.array([label[one.label] for one in utterances], np.int64)
    splits, divided = _splits(utterances, labels, ptr)
    dialogues = Dialogues(
        name=name,
        features={},
        masks={},
        labels=labels,
        speakers=np.array([speaker[one.speaker] for one in utterances], np.int64),
        dialogue_ptr=ptr,
        dialogue_ids=tuple(ids[start] for start in starts),
        splits=splits,
        utterance_ids=tuple(one.name for one in utterances),
        label_names=label_names,
        speaker_names=speaker_names,
        divided=divided,
    )
    return with_val_split(dialogues) if "train" in dialogues.splits else dialogues


def with_features(
    dialogues: Dialogues, features: dict[str, np.ndarray], masks: dict[str, np.ndarray]
) -> Dialogues:
    """Return the checked data set; modalities that no utterance has are left out.

    Raises
    ------
    InputError
        If names are not unique, features are not finite, or there are none.
    """
    present = [m for m in MODALITIES if m in features and masks[m].any()]
    if not present:
        raise InputError(f"{dialogues.name}: no utterance has any of {', '.join(features)}")
    complete = replace(
        dialogues,
        features={m: features[m] for m in present},
        masks={m: masks[m] for m in present},
    )
    return check(complete, dialogues.name)


def _splits(
    utterances: Sequence[Spoken], labels: np.ndarray, ptr: np.ndarray
) -> tuple[tuple[str, ...], str]:
    """Return the splits, and how they came about."""
    if not any(one.split for one in utterances):
        return random_splits(has_label(labels, ptr))
    for start, end in pairwise(ptr):
        for one in utterances[start:end]:
            if not one.split or one.split != utterances[start].split:
                raise InputError(
                    f"dialogue '{one.dialogue}': the utterance '{one.name}' has the split "
                    f"'{one.split}', expected one split for the whole dialogue"
                )
    return tuple(utterances[start].split for start in ptr[:-1]), ""
