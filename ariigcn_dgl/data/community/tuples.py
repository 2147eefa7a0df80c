"""The layouts that are one tuple or list of fields, each a dictionary by dialogue.

Which layout a file has follows from the number of its items and what each of them is; the data set
and the flavour of the features follow from the ids, labels and widths inside.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ariigcn_dgl.data.community.columns import (
    Columns,
    ids,
    is_empty,
    is_sequence,
    kind,
    sentences,
)
from ariigcn_dgl.data.community.raw import ImportOptions, RawDialogue, RawSet
from ariigcn_dgl.data.community.roles import ROBERTA, ROLES
from ariigcn_dgl.data.community.splits import some_of
from ariigcn_dgl.errors import InputError

GCNET = "gcnet"  # has features beside it: `gcnet`
_LAYERS = "roberta1 roberta2 roberta3 roberta4"


@dataclass(frozen=True)
class TupleLayout:
    """The items of a tuple, in order."""

    key: str
    title: str
    items: tuple[str, ...]

    def misfit(self, value: Any) -> tuple[int, str] | None:
        """Return the place of the first item that is not what it should be, and what it should."""
        for place, (name, item) in enumerate(zip(self.items, value, strict=True)):
            fits, expected = ROLES[name]
            if not fits(item):
                return place, f"{name}: {expected}"
        return None


def _layout(key: str, title: str, items: str) -> TupleLayout:
    return TupleLayout(key, title, tuple(items.split()))


LAYOUTS = (
    _layout(
        "nine",
        "features in the form of DialogueRNN, DialogueGCN and MMGCN",
        "ids speakers labels text audio visual sentences train test",
    ),
    _layout(
        "meld-raw",
        "MELD_features_raw of DialogueRNN",
        "ids speakers labels text audio sentences train test sentiments",
    ),
    _layout(
        "meld-raw1",
        "MELD_features_raw1 of MMGCN",
        "ids speakers labels text audio visual sentences train test other",
    ),
    _layout(
        "cosmic",
        "RoBERTa features of COSMIC",
        f"speakers labels {_LAYERS} sentences train test val",
    ),
    _layout(
        "cosmic-sentiments",
        "RoBERTa features of COSMIC with sentiments",
        f"speakers labels sentiments {_LAYERS} sentences train test val",
    ),
    _layout(
        "sdt",
        "multimodal features of SDT",
        f"ids speakers labels {_LAYERS} audio visual sentences train test",
    ),
    _layout(
        "sdt-meld",
        "multimodal features of SDT, MELD flavour",
        f"ids speakers labels {_LAYERS} audio visual sentences train test other",
    ),
    _layout(
        "graphsmile-meld",
        "multimodal features of GraphSmile",
        f"ids speakers labels sentiments {_LAYERS} audio visual sentences train test other",
    ),
    _layout("dailydialog", "DailyDialog features", "speakers text acts labels train test val"),
    _layout(
        "dailydialog-masks",
        "DailyDialog features with masks",
        "speakers text other acts labels train test val",
    ),
    _layout(GCNET, "folders of GCNet", "ids labels speakers sentences train val test"),
)


# Those that GraphSmile's loader reads.
_GRAPHSMILE = ("sdt", "sdt-meld", "graphsmile-meld")
# The same tuple goes round with different features in it.
FLAVOURS = {
    (100, 100, 512): "DialogueRNN and DialogueGCN flavour, the widths of AR-IIGCN",
    (100, 1582, 342): "MMGCN flavour: IS10 audio, DenseFace visual",
    (1024, 100, 512): "GraphSmile flavour",
    (1024, 384, 35): "GraphSmile flavour",
    (768, 100, 512): "text of a sentence encoder",
}


def find_layout(value: Any) -> TupleLayout | None:
    """Return the layout of a tuple; None if it is none of `LAYOUTS`."""
    if not isinstance(value, (tuple, list)):
        return None
    for layout in LAYOUTS:
        if len(layout.items) == len(value) and layout.misfit(value) is None:
            return layout
    return None


def nearest_misfit(value: Any) -> str:
    """Say of a tuple of a known length why it is no known layout; "" of other values."""
    if not isinstance(value, (tuple, list)):
        return ""
    near = [layout for layout in LAYOUTS if len(layout.items) == len(value)]
    found = [(layout.misfit(value), layout.title) for layout in near]
    misfits = [(*misfit, title) for misfit, title in found if misfit]
    if not misfits:
        return ""
    place, expected, title = max(misfits)  # the one that fits farthest
    return (
        f"; nearest is {title}, but item {place + 1} is {_closely(value[place])}, expected "
        f"{expected}"
    )


def _closely(item: Any) -> str:
    """Return what an item is and what it begins with: a dictionary alone tells nothing."""
    words = kind(item)
    if isinstance(item, dict) and item:
        item = next(iter(item.values()))
        words += f" whose first value is {kind(item)}"
    if is_sequence(item) and len(item):
        words += f" that begins with {_shown(item[0])}"
    return words


def _shown(value: Any) -> str:
    if isinstance(value, (str, bytes, int, float, type(None))):
        return f"{kind(value)} ({repr(value)[:40]})"
    return kind(value)


def read_tuple(
    value: Any, layout: TupleLayout, path: Path, columns: Columns, options: ImportOptions
) -> RawSet:
    """Return the dialogues of a tuple of a layout."""
    items = dict(zip(layout.items, value, strict=True))
    sentiment = options.labels == "sentiment" and "sentiments" in items
    labels = items["sentiments" if sentiment else "labels"]
    # Ids may be numbers in one dictionary and text in another.
    for name in {*_needed(items), "ids"} & set(items):
        items[name] = by_name(items[name], name, path)
    if layout.key.startswith("dailydialog"):
        _refuse_tokens(items["text"], path)
    labels = by_name(labels, "labels", path)
    dialogues = {
        key: _dialogue(items, labels, key, columns)
        for key, numbers in labels.items()
        if all(key in items[name] for name in _needed(items)) and not is_empty(numbers)
    }
    raw = RawSet(
        path,
        _title(layout, dialogues),
        dialogues,
        {split: ids(items[split]) or [] for split in ("train", "val", "test") if split in items},
        sentiment=sentiment,
    )
    _note_incomplete(raw, {name: items[name] for name in _needed(items)} | {"labels": labels})
    _note_unnamed(raw, items)
    if "roberta1" in items:
        raw.notes.append(
            "the text's views are the last four layers of a RoBERTa that was fine-tuned on the "
            "labels of the training split, view 1 the last: they fit training utterances better "
            "than new ones, so training scores mislead; judge by validation and test"
        )
    if layout.key in _GRAPHSMILE:
        raw.notes.append(
            "GraphSmile's own loader validates on dialogues that it also trains on, and never sees "
            "as many others; here a dialogue is in one split only"
        )
    return raw


def _refuse_tokens(text: dict[str, Any], path: Path) -> None:
    """Refuse DailyDialog files of the same form that hold numbers of words, not features."""
    row = next(iter(text.values()))[0]
    numbers = row.tolist() if isinstance(row, np.ndarray) else list(row)
    if all(isinstance(number, int) for number in numbers):
        raise InputError(
            f"{path}: text holds the numbers of words in a vocabulary (DialogueRNN's own "
            f"DailyDialog file), expected features; embed the sentences first"
        )


def _title(layout: TupleLayout, dialogues: dict[str, RawDialogue]) -> str:
    first = next(iter(dialogues.values()), None)
    widths = tuple(rows.shape[1] for rows in first.features.values()) if first else ()
    return f"{layout.title} ({FLAVOURS[widths]})" if widths in FLAVOURS else layout.title


def _needed(items: dict[str, Any]) -> list[str]:
    return [name for name in ("speakers", "text", "audio", "visual", *ROBERTA) if name in items]


def _dialogue(
    items: dict[str, Any], labels: dict[str, Any], key: str, columns: Columns
) -> RawDialogue:
    rows: dict[str, np.ndarray] = {
        name: columns.features(items[name][key], name, key)
        for name in ("text", "audio", "visual")
        if name in items
    }
    views: dict[str, tuple[int, ...]] = {}
    if "roberta1" in items:
        layers = _layers(items, key, columns)
        rows = {"text": np.concatenate(layers, axis=1)} | rows
        views = {"text": tuple(layer.shape[1] for layer in layers)}
    return RawDialogue(
        rows,
        columns.numbers(labels[key], "labels", key),
        columns.speakers(items["speakers"][key], "speakers", key),
        _utterance_ids(items["ids"].get(key)) if "ids" in items else None,
        views,
        sentences(items["sentences"].get(key)) if "sentences" in items else None,
    )


def _layers(items: dict[str, Any], key: str, columns: Columns) -> list[np.ndarray]:
    layers = [columns.features(items[name][key], name, key) for name in ROBERTA]
    for name, layer in zip(ROBERTA, layers, strict=True):
        if len(layer) != len(layers[0]):
            raise columns.fail(name, key, f"{len(layer)} rows, roberta1 has {len(layers[0])}")
    return layers


def by_name(item: dict[Any, Any], field: str, path: Path) -> dict[str, Any]:
    """Return a dictionary by the text of its keys; 1 and "1" would be the same dialogue."""
    named = {str(key): value for key, value in item.items()}
    if len(named) < len(item):
        raise InputError(f"{path}: {field}: has ids of dialogues that differ by their type only")
    return named


def _utterance_ids(value: Any) -> list[str] | None:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, (list, tuple)) or set(map(type, value)) not in ({str}, {int}):
        return None
    return [str(one) for one in value]


def _note_incomplete(raw: RawSet, needed: dict[str, dict[str, Any]]) -> None:
    """Say which dialogues are left out for a field that they lack, and which field."""
    keys = {key: None for item in needed.values() for key, one in item.items() if not is_empty(one)}
    without: dict[str, list[str]] = {}
    for key in keys:
        lacking = [name for name, item in needed.items() if key not in item]
        if lacking:
            without.setdefault(" and no ".join(lacking), []).append(key)
            raw.incomplete.add(key)
    for names, some in without.items():
        raw.notes.append(
            f"{some_of(some)} with no {names}: left out, though other fields are there"
        )


def _note_unnamed(raw: RawSet, items: dict[str, Any]) -> None:
    unnamed = [key for key, one in raw.dialogues.items() if one.utterance_ids is None]
    if "ids" in items and unnamed:
        raw.notes.append(
            f"ids of utterances of {len(unnamed)} dialogues ({unnamed[0][:40]!r} ...) are neither "
            f"all text nor all whole numbers: named by dialogue and turn"
        )
