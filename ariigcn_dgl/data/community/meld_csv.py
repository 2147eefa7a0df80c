"""MELD's csv files: who speaks, by name, and which dialogues are validation; no features."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from pathlib import Path

from ariigcn_dgl.data.community.published import MELD
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import read_text

_COLUMNS = ("Utterance", "Speaker", "Emotion", "Dialogue_ID", "Utterance_ID")
# Pickles number the dialogues of the three files one after the other.
OFFSETS = {"train": 0, "val": 1039, "test": 1153}


@dataclass
class Scene:
    """The turns of a dialogue of a csv file."""

    speakers: list[str] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)


def is_meld_csv(path: Path) -> bool:
    """Whether the first line of a text file names MELD's columns."""
    try:
        with path.open("rb") as file:
            head = file.readline(4096).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return False
    return set(_COLUMNS) <= {name.strip() for name in next(csv.reader([head]), [])}


def read_meld_csv(path: Path) -> dict[int, Scene]:
    """Return the dialogues of a csv file, by the number it gives them.

    Raises
    ------
    InputError
        If a line is malformed.
    """
    try:
        return _scenes(path)
    except csv.Error as error:
        raise InputError(f"{path}: malformed CSV: {error}") from error


def _scenes(path: Path) -> dict[int, Scene]:
    scenes: dict[int, Scene] = {}
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""))
    reader.fieldnames = [name.strip() for name in reader.fieldnames or []]
    for row in reader:
        where = f"{path}: line {reader.line_num}"
        emotion = (row["Emotion"] or "").strip().lower()
        if emotion not in MELD.label_names:
            raise InputError(
                f"{where}: Emotion is {emotion!r}, expected {', '.join(MELD.label_names)}"
            )
        number = (row["Dialogue_ID"] or "").strip()
        if not number.isdecimal():
            raise InputError(f"{where}: Dialogue_ID is {number!r}, expected a number")
        scene = scenes.setdefault(int(number), Scene())
        scene.speakers.append((row["Speaker"] or "").strip() or "unknown")
        scene.labels.append(MELD.label_names.index(emotion))
    return scenes
