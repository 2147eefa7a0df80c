"""Labels: absent, rare, or in one split only."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ariigcn_dgl.data.dialogues import SPLITS, UNLABELLED, Dialogues
from ariigcn_dgl.data.findings.finding import Finding, in_split

# Largest class over smallest; IEMOCAP has 3, MELD 18.
_SKEWED = 10
_FEW = 10


def examine_labels(dialogues: Dialogues) -> Iterator[Finding]:
    """Yield what there is to say about the labels."""
    for split in SPLITS:
        if split in dialogues.splits:
            labels = dialogues.labels[in_split(dialogues, split)]
            yield from _split(dialogues, split, labels[labels != UNLABELLED], len(labels))


def _split(dialogues: Dialogues, split: str, known: np.ndarray, total: int) -> Iterator[Finding]:
    if len(known) == 0:
        yield _unlabelled(split)
        return
    if len(known) < total:
        yield Finding(
            "note",
            split,
            f"{total - len(known)} of {total} utterances have no label",
            "they are context only: no loss, no score",
        )
    counts = np.bincount(known, minlength=dialogues.num_classes)
    absent = [dialogues.label_names[k] for k in np.flatnonzero(counts == 0)]
    if absent:
        purpose = "can be learnt" if split == "train" else "is measured"
        names = ", ".join(map(repr, absent))
        yield Finding(
            "warning",
            split,
            f"no utterance of {len(absent)} class{'es' if len(absent) > 1 else ''} ({names})",
            f"nothing of it {purpose}; divide the splits anew or leave the class out",
        )
    if split == "train":
        yield from _balance(dialogues, counts)


def _unlabelled(split: str) -> Finding:
    if split == "test":
        advice = "it can be predicted but not scored"
        return Finding("note", split, "no utterance has a label", advice)
    purpose = "learn" if split == "train" else "select"
    advice = f"label some to {purpose} from, or give these dialogues the split test"
    return Finding("error", split, "no utterance has a label", advice)


def _balance(dialogues: Dialogues, counts: np.ndarray) -> Iterator[Finding]:
    present = np.flatnonzero(counts)
    if len(present) == 1:
        only = dialogues.label_names[present[0]]
        yield Finding(
            "error", "train", f"all labels are {only!r}", "a classifier needs two classes or more"
        )
        return
    rarest, commonest = present[np.argmin(counts[present])], int(np.argmax(counts))
    ratio = counts[commonest] / counts[rarest]
    if ratio > _SKEWED or counts[rarest] < _FEW:
        yield Finding(
            "warning",
            "train",
            f"{dialogues.label_names[commonest]!r} has {counts[commonest]} utterances, "
            f"{dialogues.label_names[rarest]!r} {counts[rarest]}",
            "read macro F1 beside weighted F1, and try --training.class_weights true",
        )
