"""Add to a file what a second one knows of the same dialogues."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np

from ariigcn_dgl.data.community.meld_csv import OFFSETS, Scene
from ariigcn_dgl.data.community.raw import RawDialogue, RawSet
from ariigcn_dgl.data.community.splits import some_of
from ariigcn_dgl.data.dialogues import MODALITIES
from ariigcn_dgl.data.missing import absent
from ariigcn_dgl.errors import InputError


def join_features(raw: RawSet, other: RawSet) -> None:
    """Take from `other` the modalities, and the lists of splits, that `raw` lacks.

    For its lists alone, the same dialogues are enough: the field's files of CMU-MOSEI differ in
    which clips they have.

    Raises
    ------
    InputError
        If the files share no dialogue, or lengths or labels of one differ, or nothing is new.
    """
    shared = [key for key in raw.dialogues if key in other.dialogues]
    if not shared:
        raise InputError(f"{other.path}: shares no dialogue with {raw.path}; not the same data set")
    present = {m for dialogue in raw.dialogues.values() for m in dialogue.features}
    examples = _examples(other, shared)
    new = [m for m in MODALITIES if m in examples and m not in present]
    takes_all = bool(other.listed) and not raw.listed
    takes_val = not takes_all and bool(other.listed.get("val")) and not raw.listed.get("val")
    if new or not takes_all:
        for key in shared:
            _check_same(raw, other, key)
    if not takes_all and not new and not takes_val:
        raise InputError(f"{other.path}: adds nothing: no modality that {raw.path} lacks")
    for modality in new:
        _take(raw, other, modality, examples[modality])
    if new:
        raw.notes.append(f"{' and '.join(new)} from {other.path} ({other.layout})")
    _note_unshared(raw, other)
    if takes_all:
        raw.listed = {
            s: [k for k in keys if k in raw.dialogues] for s, keys in other.listed.items()
        }
        raw.notes.append(f"splits as in {other.path}")
        raw.official_val = other.official_val
    if takes_val:
        _move_to_val(raw, other.listed["val"], f"{other.path}")
        raw.official_val = other.official_val


def _examples(other: RawSet, shared: Collection[str]) -> dict[str, RawDialogue]:
    """Return of each modality the first dialogue that has it."""
    found: dict[str, RawDialogue] = {}
    for key in shared:
        for modality in other.dialogues[key].features:
            found.setdefault(modality, other.dialogues[key])
    return found


def _take(raw: RawSet, other: RawSet, modality: str, example: RawDialogue) -> None:
    """Add a modality of `other`; where a dialogue of it has none, it is missing."""
    without = []
    for key, dialogue in raw.dialogues.items():
        found = other.dialogues.get(key)
        there = found is not None and modality in found.features
        if found is not None and not there:
            without.append(key)
        source = found if found is not None and there else example
        width = example.features[modality].shape[1]
        nothing = absent(len(dialogue.labels), width)[0]
        dialogue.features[modality] = source.features[modality] if there else nothing
        dialogue.views[modality] = source.view_widths(modality)
    if without:
        raw.notes.append(
            f"{modality}: {other.path} has none of {some_of(without)}: marked as missing there"
        )


def _note_unshared(raw: RawSet, other: RawSet) -> None:
    """Say what one file has and the other has not: of both directions."""
    lacking = [key for key in raw.dialogues if key not in other.dialogues]
    beyond = [key for key in other.dialogues if key not in raw.dialogues]
    if lacking:
        raw.notes.append(f"{len(lacking)} dialogues are not in {other.path}")
    if beyond:
        raw.notes.append(f"{other.path} has {some_of(beyond)} that {raw.path} has not: left out")


def _check_same(raw: RawSet, other: RawSet, key: str) -> None:
    own, found = raw.dialogues[key], other.dialogues[key]
    if len(own.labels) != len(found.labels):
        raise InputError(
            f"{other.path}: dialogue {key!r} has {len(found.labels)} utterances, {raw.path} has "
            f"{len(own.labels)}; expected the same"
        )
    if raw.sentiment == other.sentiment and not np.array_equal(
        own.labels, found.labels, equal_nan=True
    ):
        raise InputError(
            f"{other.path}: labels: dialogue {key!r} has other labels than in {raw.path}; not the "
            f"same utterances, or another numbering of the classes"
        )


def join_meld_csv(raw: RawSet, scenes: dict[int, Scene], path: Path) -> None:
    """Take the speakers' names of a MELD csv file, and the validation list if it is that file.

    Which of the three files it is follows from where its lengths and labels fit.

    Raises
    ------
    InputError
        If they fit nowhere.
    """
    fits = [split for split in OFFSETS if _fits(raw, scenes, OFFSETS[split])]
    if not fits:
        raise InputError(
            f"{path}: its dialogues do not fit those of {raw.path}: expected MELD's train, dev or "
            f"test csv and a MELD feature file"
        )
    split = fits[0]
    if not raw.named:
        for key, dialogue in raw.dialogues.items():
            dialogue.speakers = [f"{key}:{name}" for name in dialogue.speakers or []]
        raw.named = True
    keys = []
    for number, scene in scenes.items():
        keys.append(str(number + OFFSETS[split]))
        raw.dialogues[keys[-1]].speakers = scene.speakers
    raw.notes.append(f"speakers of {len(keys)} dialogues by name from {path} (MELD's {split})")
    if split == "val" and not raw.listed.get("val"):
        _move_to_val(raw, keys, str(path))


def _fits(raw: RawSet, scenes: dict[int, Scene], offset: int) -> bool:
    return bool(scenes) and all(
        (found := raw.dialogues.get(str(number + offset))) is not None
        and _agrees(raw, found, scene)
        for number, scene in scenes.items()
    )


def _agrees(raw: RawSet, dialogue: RawDialogue, scene: Scene) -> bool:
    if len(dialogue.labels) != len(scene.labels):
        return False
    # Labels that are sentiments cannot be compared with the csv's emotions.
    return raw.sentiment or np.array_equal(dialogue.labels, scene.labels)


def _move_to_val(raw: RawSet, keys: Collection[str], source: str) -> None:
    chosen = set(keys)
    moved = [key for key in raw.listed.get("train", []) if key in chosen]
    raw.listed["train"] = [key for key in raw.listed.get("train", []) if key not in chosen]
    raw.listed["val"] = moved
    raw.notes.append(f"{len(moved)} validation dialogues, out of the training list, as in {source}")
