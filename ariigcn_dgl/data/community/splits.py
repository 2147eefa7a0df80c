"""Which split each dialogue of a file belongs to; lists that contradict each other are reported."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from ariigcn_dgl.data.community.published import MELD, OFFICIAL_MELD_VAL, Published
from ariigcn_dgl.data.community.raw import RawSet
from ariigcn_dgl.data.dialogues import SPLITS
from ariigcn_dgl.data.split import random_splits
from ariigcn_dgl.errors import InputError

_SHOWN = 3  # of the ids, so that a note stays a line


def resolve_splits(raw: RawSet, dataset: Published | None) -> dict[str, str]:
    """Return the split of each dialogue, in the order train, val, test, and note what is odd.

    A dialogue that is in several lists goes to the one that is judged by: test before val before
    train, so that nothing is learnt from it.
    """
    _note_absent(raw, dataset)
    of_dialogue: dict[str, str] = {}
    for split in reversed(SPLITS):
        for key in raw.listed.get(split, ()):
            if key in raw.dialogues:
                of_dialogue.setdefault(key, split)
    _note_overlaps(raw)
    _note_unlisted(raw, of_dialogue)
    if not of_dialogue:
        raise InputError(f"{raw.path}: no dialogue is in a list of a split; expected ids of them")
    order = {key: place for split in SPLITS for place, key in enumerate(raw.listed.get(split, ()))}
    ordered = sorted(of_dialogue, key=lambda key: (SPLITS.index(of_dialogue[key]), order[key]))
    return {key: of_dialogue[key] for key in ordered}


def _note_absent(raw: RawSet, dataset: Published | None) -> None:
    known = raw.dialogues.keys() | raw.incomplete
    absent = [key for keys in raw.listed.values() for key in keys if key not in known]
    if absent:
        raw.notes.append(f"{some_of(absent)} listed without utterances: left out")
    if dataset is MELD and "60" not in raw.dialogues and {"59", "61"} <= set(raw.dialogues):
        raw.notes.append(
            "MELD's dialogue 60 has no utterances: 1,038 training dialogues, not the 1,039 of the "
            "paper"
        )


def _note_overlaps(raw: RawSet) -> None:
    for kept, other in (("val", "train"), ("test", "train"), ("test", "val")):
        judged = set(raw.listed.get(kept, ()))
        both = [key for key in raw.listed.get(other, ()) if key in judged]
        if both:
            raw.notes.append(
                f"LEAK in the file: {some_of(both)} in both {other} and {kept}: kept in {kept} only"
            )
    for split, keys in raw.listed.items():
        if len(set(keys)) < len(keys):
            raw.notes.append(f"{len(keys) - len(set(keys))} ids are listed twice in {split}")


def _note_unlisted(raw: RawSet, of_dialogue: Collection[str]) -> None:
    unlisted = [key for key in raw.dialogues if key not in of_dialogue]
    if unlisted:
        raw.notes.append(f"{some_of(unlisted)} in no list of a split: left out")


def divide_unlisted(raw: RawSet, seed: int) -> None:
    """Divide the dialogues of files without any list of a split at random, and note it."""
    labelled = np.array([not np.isnan(d.labels).all() for d in raw.dialogues.values()], np.bool_)
    splits, raw.divided = random_splits(labelled, seed)
    for key, split in zip(raw.dialogues, splits, strict=True):
        raw.listed.setdefault(split, []).append(key)
    raw.notes.append(
        "the files have no splits (the SDK keeps its standard folds in its code): videos were "
        f"divided at random, 80 % train, 10 % val, 10 % test (--seed {seed}): a split of your own; "
        "--join FILE takes that of another file on the same videos, as MMSA's"
    )


def note_missing_val(raw: RawSet, dataset: Published | None) -> None:
    """Note that a file has no validation list, and what can be done."""
    note = (
        "the file has no validation list: its training list is train and validation together; "
        "choose some with --val_fraction 0.1 --seed 0, else whatever reads the set takes a tenth"
    )
    if dataset is MELD and set(raw.dialogues) >= OFFICIAL_MELD_VAL:
        note += "; MELD's own are dialogues 1039 to 1152: --join dev_sent_emo.csv restores them"
    raw.notes.append(note)


def some_of(keys: list[str]) -> str:
    """Return how many dialogues there are, and the ids of the first, in words."""
    names = ", ".join(repr(key)[:40] for key in keys[:_SHOWN])
    more = ", ..." if len(keys) > _SHOWN else ""
    return f"{len(keys)} dialogue{'s' if len(keys) > 1 else ''} ({names}{more})"
