"""Splits, lengths of dialogues and speakers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ariigcn_dgl.data.dialogues import Dialogues
from ariigcn_dgl.data.findings.finding import Finding

_LONG = 500  # utterances; IEMOCAP's longest dialogue has 110
_SMALL_SPLIT = 5  # dialogues


def examine_structure(dialogues: Dialogues) -> Iterator[Finding]:
    """Yield what there is to say about splits, lengths and speakers."""
    yield from _splits(dialogues)
    yield from _lengths(dialogues)
    yield from _speakers(dialogues)


def _splits(dialogues: Dialogues) -> Iterator[Finding]:
    if "train" not in dialogues.splits:
        yield Finding(
            "note", "splits", "no training split", "usable for ariigcn predict and evaluate only"
        )
        return
    if dialogues.divided:
        yield Finding(
            "note",
            "splits",
            f"made by this program: {dialogues.divided}",
            "the same every time, but no published split; fix your own with a split column",
        )
    if "val" not in dialogues.splits:
        yield Finding(
            "note",
            "splits",
            "no validation split",
            "a tenth of the training dialogues, chosen with seed 0, becomes one whenever the set "
            "is read; fix your own with a split column or ariigcn data import --val_fraction",
        )
    if "test" not in dialogues.splits:
        yield Finding("warning", "splits", "no test split", "only validation scores will be known")
    for split in ("val", "test"):
        count = dialogues.splits.count(split)
        if 0 < count < _SMALL_SPLIT:
            yield Finding(
                "warning",
                split,
                f"{count} dialogue{'s' if count > 1 else ''} only",
                "scores on so few say little; use more, or several seeds and splits",
            )


def _lengths(dialogues: Dialogues) -> Iterator[Finding]:
    lengths = dialogues.lengths
    single, long = int((lengths == 1).sum()), np.flatnonzero(lengths > _LONG)
    if single:
        yield Finding(
            "note" if single < len(lengths) else "warning",
            "dialogues",
            f"{single} of {len(lengths)} have a single utterance",
            "they have no context: graph and recurrence do nothing for them",
        )
    if len(long):
        longest = int(np.argmax(lengths))
        yield Finding(
            "note",
            "dialogues",
            f"{len(long)} have more than {_LONG} utterances, {dialogues.dialogue_ids[longest]!r} "
            f"has {lengths[longest]}",
            "memory grows with the longest of a batch: lower --training.batch_size if it runs out",
        )


def _speakers(dialogues: Dialogues) -> Iterator[Finding]:
    train, test = (
        set(dialogues.speakers[dialogues.in_split(split)].tolist()) for split in ("train", "test")
    )
    if train & test:
        yield Finding(
            "note",
            "speakers",
            f"{len(train & test)} of {len(test)} speakers of test speak in train too",
            "scores are not those for new speakers",
        )
    if dialogues.most_speakers == 1:
        yield Finding(
            "note",
            "speakers",
            "every dialogue has one speaker",
            "relations between speakers do nothing; if more people speak, name them",
        )
