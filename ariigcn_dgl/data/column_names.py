"""The words that other tables have for ours: MELD's columns, and the names of splits."""

from __future__ import annotations

from collections.abc import Sequence

from ariigcn_dgl.data.dialogues import SPLITS

MELD_COLUMNS = {"dialogue_id": "dialogue", "utterance_id": "utterance", "emotion": "label"}
SPLIT_NAMES = {
    "training": "train",
    "dev": "val",
    "development": "val",
    "valid": "val",
    "validation": "val",
    "testing": "test",
}


def our_columns(header: Sequence[str]) -> list[str]:
    """Return what we call the columns of a table.

    Beside ``Utterance_ID`` MELD's ``Utterance`` are the words that were said. A column that is
    there by our name, too, keeps its own.

    Parameters
    ----------
    header : sequence of str

    Examples
    --------
    >>> our_columns(["Dialogue_ID", "Utterance_ID", "Utterance", "Speaker", "Emotion", "Season"])
    ['dialogue', 'utterance', 'text', 'speaker', 'label', 'season']
    >>> our_columns(["label", "emotion", "utterance"])
    ['label', 'emotion', 'utterance']
    """
    plain = list(map(_plain, header))
    words = {name: ours for name, ours in MELD_COLUMNS.items() if ours not in plain}
    if "utterance_id" in plain:
        words["utterance_id"] = "utterance"
        words["utterance"] = "spoken" if "text" in plain else "text"  # "spoken": nobody asks for
    return [words.get(name, name) for name in plain]


def has_meld_ids(header: Sequence[str]) -> bool:
    """Whether a table numbers dialogues or utterances by MELD's columns."""
    return not {"dialogue_id", "utterance_id"}.isdisjoint(map(_plain, header))


def our_split(name: str) -> str:
    """Return what we call a split; what is unknown stays as it is.

    Examples
    --------
    >>> our_split("dev"), our_split("Train"), our_split("fold 1")
    ('val', 'train', 'fold 1')
    """
    plain = name.strip().lower()
    found = SPLIT_NAMES.get(plain, plain)
    return found if found in SPLITS else name


def distinct_ids(columns: dict[str, list[str]]) -> None:
    """Give ids that are MELD's numbers the split or dialogue in which they were counted, in place.

    MELD counts dialogues in each split, and utterances in each dialogue, from 0 on.

    Parameters
    ----------
    columns : dict of str to list of str
        Of a table whose ids are by MELD's columns.

    Examples
    --------
    >>> columns = {"dialogue": ["0", "0"], "utterance": ["0", "0"], "split": ["train", "val"]}
    >>> distinct_ids(columns)
    >>> columns["dialogue"], columns["utterance"]
    (['train_0', 'val_0'], ['train_0_0', 'val_0_0'])
    """
    dialogues, splits = columns.get("dialogue", []), columns.get("split", [])
    if splits and len({*zip(dialogues, splits, strict=True)}) > len({*dialogues}):
        pairs = zip(dialogues, splits, strict=True)
        columns["dialogue"] = [f"{split or 'no'}_{dialogue}" for dialogue, split in pairs]
    ids = columns.get("utterance", [])
    if dialogues and len({*ids}) < len(ids):
        pairs = zip(columns["dialogue"], ids, strict=True)
        columns["utterance"] = [f"{dialogue}_{utterance}" for dialogue, utterance in pairs]


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_")
