"""The utterances of several tables that divide a data set, as MELD's."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ariigcn_dgl.data.column_names import our_columns, our_split
from ariigcn_dgl.data.dialogues import SPLITS
from ariigcn_dgl.data.table import JSON_LINES, SUFFIXES, Table, csv_rows, read_table
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.spoken import COLUMNS, Spoken, of_table
from ariigcn_dgl.files import writable
from ariigcn_dgl.notes import Note

NEEDED = {"dialogue", "speaker", "text"}


def table_of_utterances(path: Path, note: Note) -> Table | None:
    """Return a table that says of each utterance its dialogue, speaker and words.

    Parameters
    ----------
    path : Path
    note : callable
        Told why a file is no such table, where None is returned: with its line, if it is malformed.

    Raises
    ------
    InputError
        If its header names these columns, and a line is malformed.
    """
    sentence = f"{path}: is no table of dialogues, speakers and words"
    if path.suffix.lower() in SUFFIXES:
        try:
            table = read_table(path, COLUMNS)
            if set(table.columns) >= NEEDED:
                return table
        except InputError as error:
            if set(_header(path)) >= NEEDED:
                raise
            sentence = str(error)
    note(sentence)
    return None


def _header(path: Path) -> list[str]:
    """Return the columns of a table of lines; none where the first one is malformed, too."""
    if path.suffix.lower() in JSON_LINES:
        return []
    with suppress(InputError):
        return our_columns(next(csv_rows(path), (1, []))[1])
    return []


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
    left_out: list[str] = []
    found = {path: table_of_utterances(path, left_out.append) for path in files}
    tables = {path: table for path, table in found.items() if table is not None}
    if not tables:
        return []
    for sentence in left_out:
        note(f"{sentence}; left out")
    splits = {path: _split_of(path) for path in tables}
    spoken: list[Spoken] = []
    for path in sorted(tables, key=lambda one: (_place(splits[one]), one)):
        rows = of_table(tables[path], None, note)
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
