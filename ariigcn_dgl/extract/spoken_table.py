"""The utterances of a table, or of several that divide a data set."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ariigcn_dgl.data.column_names import has_meld_ids, our_split
from ariigcn_dgl.data.dialogues import SPLITS
from ariigcn_dgl.data.table import Table, read_table
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.notes import Note
from ariigcn_dgl.extract.spoken import Spoken
from ariigcn_dgl.files import writable
from ariigcn_dgl.transcripts.times import parse_seconds

COLUMNS = (
    *("file", "dialogue", "utterance", "speaker", "start", "end", "text"),
    *("label", "split"),
)
SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson")


def from_table(path: Path, recordings: Path | None) -> list[Spoken]:
    """Return the utterances of a table, in its order.

    Columns: dialogue, speaker; file, unless `recordings` is one file; start and end, in seconds or
    as 00:01:02,500, by default the whole file; text; label; split; utterance, by default
    ``<dialogue>_<turn>``. Of MELD's csv files emotions are written in small letters.

    Parameters
    ----------
    path : Path
        .csv with a header line, or .jsonl.
    recordings : Path or None
        The folder that the column ``file`` is relative to, or the one recording. None: the folder
        of the table; without that column there are no recordings, only what was said.

    Raises
    ------
    InputError
        If a column is missing or a value cannot be used; names the line.
    """
    table = read_table(path, COLUMNS)
    if not table.lines:
        raise InputError(f"{path}: holds no utterance")
    alone = recordings is None and "file" not in table.columns
    single = recordings is not None and recordings.is_file()
    table.require("dialogue", "speaker", *(() if single else ("text",) if alone else ("file",)))
    table.dialogues()  # refuses dialogues that come back
    if has_meld_ids(table.header) and "label" in table.columns:
        table.columns["label"] = [label.lower() for label in table.columns["label"]]
    return list(_rows(table, recordings, single, alone))


def _rows(table: Table, recordings: Path | None, single: bool, alone: bool) -> Iterator[Spoken]:
    turn, previous = 0, None
    for row in range(len(table.lines)):
        values = {name: column[row] for name, column in table.columns.items()}
        dialogue = values["dialogue"]
        turn = turn + 1 if dialogue == previous else 0
        previous = dialogue
        recording = None if alone else recordings
        if not (alone or single):
            recording = (recordings or Path(table.path).parent) / values["file"]
            if not recording.is_file():
                raise InputError(f"{table.where(row)}: file: {recording} does not exist")
        start, end = _times(table, row, values)
        if alone and not (values.get("start") and values.get("end")):
            start = end = None
        yield Spoken(
            recording=recording,
            dialogue=dialogue,
            name=values.get("utterance") or f"{dialogue}_{turn}",
            speaker=values["speaker"],
            start=start,
            end=end,
            text=" ".join(values.get("text", "").split()),
            label=values.get("label", ""),
            split=values.get("split", ""),
        )


def _times(table: Table, row: int, values: dict[str, str]) -> tuple[float | None, float | None]:
    found = []
    for name, default in (("start", 0.0), ("end", math.inf)):
        text = values.get(name, "")
        try:
            time = parse_seconds(text) if text else default
        except ValueError:
            time = math.nan
        if not time >= 0:
            raise InputError(
                f"{table.where(row)}: {name} is {text!r}, expected seconds or 00:01:02,500"
            )
        found.append(time)
    start, end = found
    if end < start:
        raise InputError(f"{table.where(row)}: ends at {end:g} s, before it starts at {start:g} s")
    return start, end


def is_table_of_utterances(path: Path) -> bool:
    """Whether a file is a table that says of each utterance its dialogue, speaker and words."""
    if path.suffix.lower() not in SUFFIXES:
        return False
    try:
        columns = read_table(path, COLUMNS).columns
    except InputError:  # of another kind, or damaged: who reads it says so
        return False
    return {"dialogue", "speaker", "text"} <= set(columns)


def from_tables(folder: Path, note: Note) -> list[Spoken]:
    """Return the utterances of the tables in a folder; none where there are none.

    Each belongs to the split that its name says (``train.csv``, ``dev_sent_emo.csv``), unless a
    column does, and its dialogues and utterances get that or its name in front of theirs, since
    files number them anew.

    Parameters
    ----------
    folder : Path
    note : callable
        Told what was read, and which files were not.

    Raises
    ------
    InputError
        If a table cannot be used.
    """
    files = sorted(path for path in folder.iterdir() if path.is_file())
    tables = [path for path in files if is_table_of_utterances(path)]
    if not tables:
        return []
    for path in files:
        if path not in tables:
            note(f"{path}: is no table of dialogues, speakers and words; left out")
    splits = {path: _split_of(path) for path in tables}
    spoken: list[Spoken] = []
    for path in sorted(tables, key=lambda one: (_place(splits[one]), one)):
        rows = from_table(path, None)
        said = splits[path] if not any(one.split for one in rows) else ""
        shared = list(splits.values()).count(splits[path]) > 1
        prefix = "" if len(tables) == 1 else said if said and not shared else writable(path.stem)
        note(f"{path}: {len(rows)} utterances{f' of the split {said}' if said else ''}")
        spoken += [_under(prefix, replace(one, split=said or one.split)) for one in rows]
    return spoken


def _under(prefix: str, one: Spoken) -> Spoken:
    if not prefix:
        return one
    return replace(one, dialogue=f"{prefix}_{one.dialogue}", name=f"{prefix}_{one.name}")


def _split_of(path: Path) -> str:
    """Return the split that the name of a file says; nothing where it says none, or several."""
    words = {our_split(word) for word in re.split(r"[^a-z]+", path.stem.lower())} & set(SPLITS)
    return words.pop() if len(words) == 1 else ""


def _place(split: str) -> int:
    return SPLITS.index(split) if split in SPLITS else len(SPLITS)
