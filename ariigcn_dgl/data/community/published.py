"""The counts that the field publishes, to hold an imported file against."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ariigcn_dgl.data.community.numbers import whole


@dataclass(frozen=True)
class Count:
    """Size of a part of a data set; `classes` in class order, () where it is not published."""

    dialogues: int
    utterances: int
    classes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Published:
    """A data set that community files hold.

    Parameters
    ----------
    name : str
        Its name.
    label_names, sentiment_names : tuple of str
        Classes in the order of the community's class numbers.
    splits : dict of str to Count
        Sizes of train, val and test, of emotion labels.
    to_sentiment : tuple of int
        Sentiment of each emotion, where the field derives one from the other; else ().
    """

    name: str
    label_names: tuple[str, ...]
    sentiment_names: tuple[str, ...]
    splits: dict[str, Count]
    to_sentiment: tuple[int, ...] = ()

    def count(self, splits: Sequence[str]) -> Count:
        """Return the published size of some splits together."""
        parts = [self.splits[split] for split in splits]
        return Count(
            sum(part.dialogues for part in parts),
            sum(part.utterances for part in parts),
            tuple(sum(column) for column in zip(*(part.classes for part in parts), strict=True)),
        )


IEMOCAP = Published(
    "IEMOCAP, 6 emotions",
    ("happy", "sad", "neutral", "angry", "excited", "frustrated"),
    ("negative", "neutral", "positive"),
    {
        "train": Count(108, 5163, (451, 771, 1221, 831, 593, 1296)),
        "val": Count(12, 647, (53, 68, 103, 102, 149, 172)),
        "test": Count(31, 1623, (144, 245, 384, 170, 299, 381)),
    },
    (2, 0, 1, 0, 2, 0),
)
IEMOCAP_4 = Published(
    "IEMOCAP, 4 emotions",
    IEMOCAP.label_names[:4],
    IEMOCAP.sentiment_names,
    {
        split: Count(whole.dialogues, sum(whole.classes[:4]), whole.classes[:4])
        for split, whole in IEMOCAP.splits.items()
    },
    IEMOCAP.to_sentiment[:4],
)
MELD = Published(
    "MELD",
    ("neutral", "surprise", "fear", "sadness", "joy", "disgust", "anger"),
    ("neutral", "positive", "negative"),
    {
        "train": Count(1038, 9989, (4710, 1205, 268, 683, 1743, 271, 1109)),
        "val": Count(114, 1109, (470, 150, 40, 111, 163, 22, 153)),
        "test": Count(280, 2610, (1256, 281, 50, 208, 402, 68, 345)),
    },
)
INTENSITIES = (
    "highly negative",
    "negative",
    "weakly negative",
    "neutral",
    "weakly positive",
    "positive",
    "highly positive",
)
CMU_MOSEI = Published(
    "CMU-MOSEI, sentiment in 7 steps",
    INTENSITIES,
    ("negative", "neutral", "positive"),
    {"train": Count(0, 16326), "val": Count(0, 1871), "test": Count(0, 4659)},
)
CMU_MOSI = Published(
    "CMU-MOSI, sentiment in 7 steps",
    INTENSITIES,
    CMU_MOSEI.sentiment_names,
    {"train": Count(52, 1284), "val": Count(10, 229), "test": Count(31, 686)},
)
DAILY_DIALOG = Published(
    "DailyDialog",
    ("no emotion", "anger", "disgust", "fear", "happiness", "sadness", "surprise"),
    (),
    {"train": Count(11118, 87170), "val": Count(1000, 8069), "test": Count(1000, 7740)},
)
PUBLISHED_CLASSES = (IEMOCAP, IEMOCAP_4, MELD)  # by these a test split is recognised
# Over all splits, in the order of the names.
DAILY_DIALOG_CLASSES = (85572, 1022, 353, 174, 12885, 1150, 1823)

IEMOCAP_ID = re.compile(r"Ses0[1-5][FM]_(impro|script)\w+")
_DAILY_DIALOG_ID = re.compile(r"(tr|te|va)_c\d+")
FIRST_MELD_TEST, LAST_MELD_ID = 1153, 1432  # pickles number train, val and test in a row
OFFICIAL_MELD_VAL = frozenset(map(str, range(1039, 1153)))


def recognise(
    dialogue_ids: Sequence[str], labels: np.ndarray, listed: Mapping[str, Sequence[str]]
) -> Published | None:
    """Return the data set that ids, labels and lists of splits are of; None of an unknown one."""
    known = labels[np.isfinite(labels)]
    highest = int(known.max(initial=0))
    if (known != np.floor(known)).any():
        return CMU_MOSEI if len(known) and np.abs(known).max() <= 3 else None
    if _all(IEMOCAP_ID.fullmatch, dialogue_ids):
        return IEMOCAP_4 if highest < 4 else IEMOCAP
    if _all(_DAILY_DIALOG_ID.fullmatch, dialogue_ids):
        return DAILY_DIALOG
    return MELD if _are_meld(dialogue_ids, listed) else None


def _are_meld(dialogue_ids: Sequence[str], listed: Mapping[str, Sequence[str]]) -> bool:
    # Whole numbers are the ids of many sets; that test begins at 1153 is a fact of MELD alone.
    read = {one: whole(one) for one in dialogue_ids}
    numbers = {one: number for one, number in read.items() if number is not None}
    if len(numbers) < len(read) or any(number > LAST_MELD_ID for number in numbers.values()):
        return False
    test = set(listed.get("test", ()))
    return bool(test) and all(
        (number >= FIRST_MELD_TEST) == (one in test) for one, number in numbers.items()
    )


def _all(matches: Callable[[str], object], dialogue_ids: Sequence[str]) -> bool:
    return all(map(matches, dialogue_ids))
