"""Write synthetic sets in the community's layouts, so that readers need no licensed data."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ariigcn_dgl.data.community.example import example
from ariigcn_dgl.data.community.humour import (
    MUSTARD,
    UR_FUNNY,
    humour_example,
    sarcasm_example,
    writes_ur_funny,
)
from ariigcn_dgl.data.community.published import (
    CMU_MOSEI,
    CMU_MOSI,
    DAILY_DIALOG,
    IEMOCAP,
    IEMOCAP_4,
    MELD,
    Published,
)
from ariigcn_dgl.data.community.roles import ROBERTA
from ariigcn_dgl.data.community.tuples import LAYOUTS as TUPLES
from ariigcn_dgl.data.community.write_others import (
    STEPS,
    write_meld_csv,
    write_merbench,
    write_mmsa,
    write_mustard,
)
from ariigcn_dgl.data.community.write_sentiment import (
    two_way_example,
    write_bc_lstm,
    write_csd,
    write_gcnet,
)
from ariigcn_dgl.data.dialogues import Dialogues
from ariigcn_dgl.data.views import split_views
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import refuse_taken, replacing

_PROTOCOL = 4  # of pickles: Python's default from 3.8 to 3.13
LayoutName = Literal[  # all of `LAYOUTS`, in their order
    "dialoguegcn",
    "mmgcn",
    "iemocap4",
    "cmumosei7",
    "meld-raw",
    "meld-raw1",
    "cosmic-iemocap",
    "cosmic-meld",
    "sdt-iemocap",
    "sdt-meld",
    "graphsmile-meld",
    "cogmen",
    "corect",
    "dailydialog",
    "dailydialog-masks",
    "mmsa",
    "merbench",
    "meld-csv",
    "ur-funny-v1",
    "ur-funny-v2",
    "mustard",
    "cmu-sdk",
    "gcnet",
    "bc-lstm",
]


class Sample:
    """Stands for COGMEN's class in a file; its fields are set one by one."""


@dataclass(frozen=True)
class Layout:
    """A layout to write: which data set, the widths of its features, how.

    Parameters
    ----------
    dataset : Published
        Which is imitated.
    widths : (int, ...)
        Of text, audio and visual; fewer where the layout has fewer.
    write : callable
        ``write(dialogues, path)``.
    text_views : int
        Views of equal width that the text is made of.
    make : callable, optional
        ``make(widths, seed, fraction)``: the dialogues, where they are no `example` of the set.
    folder : bool
        Whether it is a folder, no file.
    """

    dataset: Published
    widths: tuple[int, ...]
    write: Callable[[Dialogues, Path], None]
    text_views: int = 1
    make: Callable[[dict[str, int], int, float], Dialogues] | None = None
    folder: bool = False


def write_layout(
    name: LayoutName, path: str | Path, seed: int = 0, fraction: float = 1.0
) -> Dialogues:
    """Write a synthetic set in a layout; return what was written.

    Parameters
    ----------
    name : str
        One of `LAYOUTS`.
    path : str or Path
        The new file, or folder for those of `FOLDERS`.
    seed : int
        Same seed, same data.
    fraction : float
        Share of the published numbers of dialogues and utterances.

    Raises
    ------
    InputError
        If `path` exists or cannot be written, or `fraction` is not above 0 and at most 1.
    """
    path, layout = Path(path), LAYOUTS[name]
    if not 0 < fraction <= 1:
        raise InputError(f"--fraction: is {fraction}, expected above 0 and at most 1")
    if seed < 0:
        raise InputError(f"synthetic data {name!r}: seed is {seed}, expected at least 0")
    refuse_taken(path)
    names = ("text", "audio", "visual")[: len(layout.widths)]
    widths = dict(zip(names, layout.widths, strict=True))
    make = layout.make or partial(example, layout.dataset)
    dialogues = make(widths, seed, fraction)
    if layout.text_views > 1:
        each = widths["text"] // layout.text_views
        dialogues = replace(dialogues, views={"text": (each,) * layout.text_views})
    with replacing(path) as scratch:
        layout.write(dialogues, scratch)
    return dialogues


def _write_tuple(key: str) -> Callable[[Dialogues, Path], None]:
    (layout,) = (layout for layout in TUPLES if layout.key == key)

    def write(dialogues: Dialogues, path: Path) -> None:
        value = [_item(name, dialogues, layout.items) for name in layout.items]
        # COSMIC's and DailyDialog's files hold lists, the others tuples.
        _dump(value if "val" in layout.items else tuple(value), path)

    return write


def _dump(value: Any, path: Path) -> None:
    path.write_bytes(pickle.dumps(value, _PROTOCOL))


def _item(name: str, d: Dialogues, items: tuple[str, ...]) -> Any:
    keys = _keys(d)
    if name in ("train", "val", "test"):
        splits = ("train", "val") if name == "train" and "val" not in items else (name,)
        listed = [key for key, split in zip(keys, d.splits, strict=True) if split in splits]
        return listed if "roberta1" in items else set(listed)
    if name == "other":
        return {}
    return {key: _values(name, d, dialogue) for dialogue, key in enumerate(keys)}


def _keys(d: Dialogues) -> list[Any]:
    return [int(key) if key.isdecimal() else key for key in d.dialogue_ids]


def _values(name: str, d: Dialogues, dialogue: int) -> Any:
    rows = d.rows(dialogue)
    if name.startswith("roberta"):
        views = split_views(d.features["text"][rows], d.view_widths("text"))
        return list(views[ROBERTA.index(name)])
    if name in d.features:
        return list(d.features[name][rows])
    return {
        "ids": lambda: list(d.utterance_ids[rows]),
        "speakers": lambda: _speakers(d, rows),
        "labels": lambda: _labels(d, rows),
        "sentiments": lambda: _sentiments(d, rows),
        "sentences": lambda: ["words that stand for a sentence"] * (rows.stop - rows.start),
        "acts": lambda: [1] * (rows.stop - rows.start),
    }[name]()


def _speakers(d: Dialogues, rows: slice) -> list[Any]:
    names = [d.speaker_names[speaker] for speaker in d.speakers[rows]]
    if d.name == MELD.name:
        return [np.eye(9, dtype=np.int64)[int(name.rpartition(":")[2])].tolist() for name in names]
    if d.name == CMU_MOSEI.name:
        return ["M"] * len(names)  # GraphSmile's file knows nobody
    return [name[-1] for name in names]


def _labels(d: Dialogues, rows: slice) -> list[Any]:
    labels = d.labels[rows].tolist()
    if d.name == CMU_MOSEI.name:
        return [STEPS[label] for label in labels]
    if d.name == DAILY_DIALOG.name:
        return [(label + 3) % 7 for label in labels]  # an accidental order, as in the files
    return labels


def _sentiments(d: Dialogues, rows: slice) -> list[int]:
    return [(0, 1, 2, 2, 1, 2, 2)[label] for label in d.labels[rows]]


def _write_samples(instances: bool) -> Callable[[Dialogues, Path], None]:
    def write(d: Dialogues, path: Path) -> None:
        value: dict[str, list[Any]] = {"train": [], "dev": [], "test": []}
        for dialogue, split in enumerate(d.splits):
            sample = _instance(d, dialogue) if instances else _dictionary(d, dialogue)
            value["dev" if split == "val" else split].append(sample)
        # Their class has another module; nothing there is imported to read it.
        own, theirs = f"c{__name__}\nSample\n".encode(), b"ccogmen.Sample\nSample\n"
        # Protocol 2 names classes in lines, so that one can replace another of any length.
        path.write_bytes(pickle.dumps(value, 2).replace(own, theirs))

    return write


def _dictionary(d: Dialogues, dialogue: int) -> dict[str, Any]:
    names = ("speakers", "labels", "audio", "visual")
    return {
        "vid": d.dialogue_ids[dialogue],
        **{name: _values(name, d, dialogue) for name in names},
        "text": d.features["text"][d.rows(dialogue)],
        "sentence": _values("sentences", d, dialogue),
    }


def _instance(d: Dialogues, dialogue: int) -> Sample:
    sample, fields = Sample(), _dictionary(d, dialogue)
    fields["sbert_sentence_embeddings"] = fields["text"]
    fields["text"] = list(fields["text"][:, :100])
    fields |= {"speaker": fields.pop("speakers"), "label": fields.pop("labels")}
    vars(sample).update(fields)
    return sample


LAYOUTS: dict[LayoutName, Layout] = {
    "dialoguegcn": Layout(IEMOCAP, (100, 100, 512), _write_tuple("nine")),
    "mmgcn": Layout(IEMOCAP, (100, 1582, 342), _write_tuple("nine")),
    "iemocap4": Layout(IEMOCAP_4, (100, 100, 512), _write_tuple("nine")),
    "cmumosei7": Layout(CMU_MOSEI, (1024, 384, 35), _write_tuple("nine")),
    "meld-raw": Layout(MELD, (600, 300), _write_tuple("meld-raw")),
    "meld-raw1": Layout(MELD, (600, 300, 342), _write_tuple("meld-raw1")),
    "cosmic-iemocap": Layout(IEMOCAP, (4096,), _write_tuple("cosmic"), 4),
    "cosmic-meld": Layout(MELD, (4096,), _write_tuple("cosmic-sentiments"), 4),
    "sdt-iemocap": Layout(IEMOCAP, (4096, 1582, 342), _write_tuple("sdt"), 4),
    "sdt-meld": Layout(MELD, (4096, 300, 342), _write_tuple("sdt-meld"), 4),
    "graphsmile-meld": Layout(MELD, (4096, 300, 342), _write_tuple("graphsmile-meld"), 4),
    "cogmen": Layout(IEMOCAP, (768, 100, 512), _write_samples(True)),
    "corect": Layout(IEMOCAP, (768, 100, 512), _write_samples(False)),
    "dailydialog": Layout(DAILY_DIALOG, (100,), _write_tuple("dailydialog")),
    "dailydialog-masks": Layout(DAILY_DIALOG, (100,), _write_tuple("dailydialog-masks")),
    "mmsa": Layout(CMU_MOSEI, (768, 74, 35), write_mmsa),
    "merbench": Layout(MELD, (1024, 1024, 768), write_merbench, folder=True),
    "meld-csv": Layout(MELD, (), write_meld_csv, folder=True),
    "ur-funny-v1": Layout(
        UR_FUNNY, (300, 81, 75), writes_ur_funny("v1"), make=humour_example, folder=True
    ),
    "ur-funny-v2": Layout(
        UR_FUNNY, (300, 81, 371), writes_ur_funny("v2"), make=humour_example, folder=True
    ),
    "mustard": Layout(MUSTARD, (768, 283), write_mustard, make=sarcasm_example, folder=True),
    "cmu-sdk": Layout(CMU_MOSI, (300, 74, 35), write_csd, folder=True),
    "gcnet": Layout(CMU_MOSI, (1024, 512, 1024), write_gcnet, folder=True),
    "bc-lstm": Layout(CMU_MOSI, (100, 73, 100), write_bc_lstm, make=two_way_example, folder=True),
}
FOLDERS = tuple(name for name, layout in LAYOUTS.items() if layout.folder)
