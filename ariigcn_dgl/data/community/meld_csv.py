"""MELD's csv files: who speaks, by name, and which dialogues are validation; no features."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from pathlib import Path

from ariigcn_dgl.data.community.numbers import whole
from ariigcn_dgl.data.community.published import MELD
from ariigcn_dgl.data.table import csv_rows
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import open_regular

_COLUMNS = ("Utterance", "Speaker", "Emotion", "Dialogue_ID", "Utterance_ID")
_SEPARATOR = re.compile("[,;\t]")
# Pickles number the dialogues of the three files one after the other.
OFFSETS = {"train": 0, "val": 1039, "test": 1153}


@dataclass
class Scene:
    """The turns of a dialogue of a csv file."""

    speakers: list[str] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)


def is_meld_csv(path: Path) -> bool:
    """Whether the first line of a text file names MELD's columns."""
    with open_regular(path) as file:
        head = file.read(4096).decode("utf-8-sig", "replace")  # far more than MELD's first line
    first = io.StringIO(head, newline=None).readline()
    return set(_COLUMNS) <= {name.strip(' "\n') for name in _SEPARATOR.split(first)}


def read_meld_csv(path: Path) -> dict[int, Scene]:
    """Return the dialogues of a csv file, by the number it gives them.

    Raises
    ------
    InputError
        If a line is malformed.
    """
    scenes: dict[int, Scene] = {}
    rows = csv_rows(path)
    header = [name.strip() for name in next(rows)[1]]
    lacking = [name for name in _COLUMNS if name not in header]
    if lacking:  # a stray quotation mark makes it another name
        raise InputError(f"{path}: line 1: no column {lacking[0]!r} among {', '.join(header)}")
    for line, values in rows:
        where = f"{path}: line {line}"
        if len(values) != len(header):
            raise InputError(f"{where}: {len(values)} values for {len(header)} columns")
        _take_row(dict(zip(header, map(str.strip, values), strict=True)), scenes, where)
    return scenes


def _take_row(row: dict[str, str], scenes: dict[int, Scene], where: str) -> None:
    emotion = row["Emotion"].lower()
    if emotion not in MELD.label_names:
        raise InputError(f"{where}: Emotion is {emotion!r}, expected {', '.join(MELD.label_names)}")
    number = whole(row["Dialogue_ID"])
    if number is None:
        raise InputError(f"{where}: Dialogue_ID is {row['Dialogue_ID']!r}, expected a number")
    scene = scenes.setdefault(number, Scene())
    scene.speakers.append(row["Speaker"] or "unknown")
    scene.labels.append(MELD.label_names.index(emotion))
