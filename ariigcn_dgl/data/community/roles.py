"""What each item of a tuple must be for the tuple to have a layout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ariigcn_dgl.data.community.columns import ids, is_sequence

# What follows looks at a first value only: it tells layouts apart, and `Columns` checks all values.
ROBERTA = ("roberta1", "roberta2", "roberta3", "roberta4")


def _by_dialogue(item: Any, fits: Callable[[Any], bool]) -> bool:
    return isinstance(item, dict) and len(item) > 0 and fits(next(iter(item.values())))


def _are_rows(value: Any) -> bool:
    if not is_sequence(value) or not len(value):
        return False
    first = value[0]
    return is_sequence(first) and len(first) > 0 and not isinstance(first[0], str)


def _are_numbers(value: Any) -> bool:
    if not is_sequence(value) or not len(value):
        return False
    first = value[0]
    while is_sequence(first) and len(first) == 1:
        first = first[0]
    return isinstance(first, (int, float, np.number))


def _are_speakers(value: Any) -> bool:
    return (
        is_sequence(value)
        and len(value) > 0
        and (isinstance(value[0], (str, bytes, int, np.integer)) or _are_rows(value))
    )


def _are_sentences(value: Any) -> bool:
    if not is_sequence(value) or not len(value):
        return False
    first = value[0]
    return isinstance(first, (str, bytes)) or (
        is_sequence(first) and (len(first) == 0 or isinstance(first[0], (str, bytes)))
    )


_Role = tuple[Callable[[Any], bool], str]
_ROWS: _Role = (
    lambda item: _by_dialogue(item, _are_rows),
    "a dictionary from dialogue to a row of numbers per utterance",
)
_NUMBERS: _Role = (
    lambda item: _by_dialogue(item, _are_numbers),
    "a dictionary from dialogue to a number per utterance",
)
_LIST: _Role = (lambda item: ids(item) is not None, "a list of dialogue ids")
ROLES: dict[str, _Role] = {
    "ids": (lambda item: isinstance(item, dict), "a dictionary from dialogue to utterance ids"),
    "speakers": (
        lambda item: _by_dialogue(item, _are_speakers),
        "a dictionary from dialogue to a speaker per utterance",
    ),
    "sentences": (
        lambda item: _by_dialogue(item, _are_sentences),
        "a dictionary from dialogue to a sentence per utterance",
    ),
    "labels": _NUMBERS,
    "sentiments": _NUMBERS,
    "acts": _NUMBERS,
    "other": (lambda item: True, "anything"),
    **dict.fromkeys(("text", "audio", "visual", *ROBERTA), _ROWS),
    **dict.fromkeys(("train", "test", "val"), _LIST),
}
