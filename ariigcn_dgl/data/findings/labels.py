"""Labels: absent, rare, or in one split only."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from ariigcn_dgl.data.dialogues import SPLITS, UNLABELLED, Dialogues
from ariigcn_dgl.data.findings.finding import Finding

# Largest class over smallest; IEMOCAP has 3, MELD 18.
_SKEWED = 10
FEW = 10  # utterances of a class, of which one more or less is a tenth of its recall
# What programs write where a value is missing.
_NOTHING = {"nan", "none", "null", "na", "n/a", "<na>", "nat", "-", "?", "-1"}


def examine_labels(dialogues: Dialogues) -> Iterator[Finding]:
    """Yield what there is to say about the labels."""
    if dialogues.targets and not dialogues.label_names:  # `examine_targets`
        return
    yield from _names(dialogues.label_names)
    for split in SPLITS:
        if split in dialogues.splits:
            labels = dialogues.labels[dialogues.in_split(split)]
            yield from _split(dialogues, split, labels[labels != UNLABELLED], len(labels))


def _names(names: Sequence[str]) -> Iterator[Finding]:
    """Yield what names of classes tell of their way through a spreadsheet or a data frame."""
    for name in names:
        if name.strip().lower() in _NOTHING:
            yield Finding(
                "warning",
                "labels",
                f"{name!r} is learnt and scored as a class",
                "if it stands for no label, leave these labels empty",
            )
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(_plain(name), []).append(name)
    for several in alike.values():
        if len(several) > 1:
            shown = " and ".join(map(repr, several))
            yield Finding("warning", "labels", f"{shown} are classes apart", "spell them alike")


def _plain(name: str) -> str:
    """Return a name without what tells spellings of one label apart: case, spaces, 1.0 for 1."""
    return re.sub(r"^(-?\d+)\.0+$", r"\1", " ".join(name.casefold().split()))


def _split(dialogues: Dialogues, split: str, known: np.ndarray, total: int) -> Iterator[Finding]:
    if len(known) == 0:
        yield unlabelled(split)
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


def unlabelled(split: str, of: str = "") -> Finding:
    """Return what to say of a split without any label; `of` is the target that it is about."""
    what = f"{of}no utterance has a label"
    if split == "test":
        return Finding("note", split, what, "it can be predicted but not scored")
    purpose = "learn" if split == "train" else "select"
    advice = f"label some to {purpose} from, or give these dialogues the split test"
    return Finding("error", split, what, advice)


def _balance(dialogues: Dialogues, counts: np.ndarray) -> Iterator[Finding]:
    present = np.flatnonzero(counts)
    if len(present) == 1:  # none at all is `unlabelled`
        only = dialogues.label_names[present[0]]
        yield Finding(
            "error", "train", f"all labels are {only!r}", "a classifier needs two classes or more"
        )
        return
    rarest, commonest = present[np.argmin(counts[present])], int(np.argmax(counts))
    advice = "read macro F1 beside weighted F1, and try --training.class_weights true"
    if counts[rarest] == counts[commonest] < FEW:
        few = f"each class has {counts[rarest]} utterances"
        yield Finding("warning", "train", few, "scores on so few say little; label more")
    elif counts[commonest] / counts[rarest] > _SKEWED or counts[rarest] < FEW:
        yield Finding(
            "warning",
            "train",
            f"{dialogues.label_names[commonest]!r} has {counts[commonest]} utterances, "
            f"{dialogues.label_names[rarest]!r} {counts[rarest]}",
            advice,
        )
