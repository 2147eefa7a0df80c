"""Read the table of utterances, utterances.csv or utterances.jsonl: one row per utterance."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ariigcn_dgl.data.column_names import distinct_ids, has_meld_ids, our_columns, our_split
from ariigcn_dgl.data.targets import LABEL
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import composed, json_lines, read_text
from ariigcn_dgl.near import did_you_mean

COLUMNS = ("dialogue", "utterance", "speaker", "label", "split", "text")
_REPEATED = ("dialogue", "speaker", "label", "split")
_MOST_LISTED = 30  # columns in a sentence
SEPARATED = (".csv", ".tsv", ".tab")
JSON_LINES = (".jsonl", ".ndjson")
SUFFIXES = (*SEPARATED, *JSON_LINES)  # others, .txt and .json, are tables where one is named only
_SEPARATORS = ",;\t"  # the first of those that are equally frequent in the header
# Ends of lines as csv knows them; str.splitlines knows more, which names may hold.
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_TOLD = re.compile(r"sep=([,;\t|])")


@dataclass(frozen=True)
class Table:
    """The known columns of a table of N utterances, as text, in order of speaking.

    Parameters
    ----------
    path : Path or str
        The file, for messages; of a table in memory a name.
    lines : list of int, length N
        Line number of each row, for messages.
    columns : dict of str to list of str, length N
        Those asked for that the file has; an absent value is the empty string.
    header : tuple of str
        All columns of the file, as it names them.
    unit : str
        What messages call a line.
    """

    path: Path | str
    lines: list[int]
    columns: dict[str, list[str]]
    header: tuple[str, ...] = ()
    unit: str = "line"

    def where(self, row: int) -> str:
        """Return the file, line and dialogue of a row, to begin a message with."""
        dialogue = self.columns["dialogue"][row]
        return f"{self.path}: {self.unit} {self.lines[row]}: dialogue {dialogue!r}"

    def require(self, *names: str) -> None:
        """Raise `InputError` unless these columns are there and have a value in every row."""
        for name in names:
            if name not in self.columns:
                more = len(self.header) - _MOST_LISTED
                found = ", ".join(self.header[:_MOST_LISTED]) or "none"
                raise InputError(
                    f"{self.path}: no column {name!r}; its columns are {found}"
                    f"{f' and {more} more' if more > 0 else ''}{did_you_mean(name, self.header)}"
                )
            if "" in self.columns[name]:
                line = self.lines[self.columns[name].index("")]
                raise InputError(
                    f"{self.path}: {self.unit} {line}: {name} is empty, expected a name"
                )

    def dialogues(self) -> tuple[tuple[str, ...], np.ndarray]:
        """Return the dialogue ids, length B, and their row offsets, (B + 1,) int64.

        Raises
        ------
        InputError
            If a dialogue comes back after another one began.
        """
        starts: dict[str, int] = {}
        previous = None
        for row, name in enumerate(self.columns["dialogue"]):
            if name != previous and name in starts:
                raise InputError(
                    f"{self.where(row)} comes back after another dialogue, "
                    f"expected its rows together"
                )
            starts.setdefault(name, row)
            previous = name
        return tuple(starts), np.array([*starts.values(), len(self.lines)], dtype=np.int64)

    def indices(self, column: str, names: Sequence[str]) -> np.ndarray:
        """Return the place of each value in `names`, (N,) int64; -1 where it is empty or absent.

        Raises
        ------
        InputError
            If a value is not in `names`.
        """
        values = self.columns.get(column, [""] * len(self.lines))  # an absent column: all empty
        place = {"": -1} | {name: index for index, name in enumerate(names)}
        for row, value in enumerate(values):
            if value not in place:
                known = ", ".join(names) or "none"
                raise InputError(
                    f"{self.where(row)} has the {column} {value!r}, expected one of: {known}"
                    f"{did_you_mean(value, names)}"
                )
        return np.array([place[value] for value in values], dtype=np.int64)


def read_table(path: Path, columns: Sequence[str] = COLUMNS) -> Table:
    """Read a table with a header line or a JSON object in each line (`SUFFIXES`, .txt, .json).

    Column names are taken without regard to case; columns that are not asked for are ignored.
    MELD's columns, and usual names of splits, are understood (`ariigcn_dgl.data.column_names`).
    Values may be separated as spreadsheets of any language do: by commas, semicolons or tabs.

    Parameters
    ----------
    path : Path
        The file; its suffix says which of the kinds it is.
    columns : sequence of str
        Lower-case names.

    Raises
    ------
    InputError
        If the file cannot be read or a line is malformed; names the line.
    """
    suffix = path.suffix.lower()
    holds_json = suffix in (*JSON_LINES, ".json")
    if not holds_json and suffix not in (*SEPARATED, ".txt"):
        raise InputError(
            f"{path}: a table of an unknown kind {path.suffix!r}, expected .csv, .tsv or .jsonl; "
            f"save it as one of these, as UTF-8 text"
        )
    written: dict[str, None] = {}
    read = _jsonl_rows if holds_json else _csv_rows
    lines, known = list[int](), dict[str, list[str]]()
    same: dict[str, str] = {}  # what many rows say is kept once
    for line, row in read(path, columns, written):
        for name in row.keys() & set(columns) - known.keys():
            known[name] = [""] * len(lines)
        for name, values in known.items():
            value = row.get(name, "")
            values.append(same.setdefault(value, value) if name in _REPEATED else value)
        lines.append(line)
    known = {c: known[c] for c in columns if c in known}
    understand(known, tuple(written))
    return Table(path, lines, known, tuple(written))


def understand(columns: dict[str, list[str]], header: Sequence[str]) -> None:
    """Give splits our names, and ids that are MELD's numbers what tells them apart, in place.

    Parameters
    ----------
    columns : dict of str to list of str
    header : sequence of str
        All columns, as the table names them.
    """
    if "split" in columns:
        columns["split"] = list(map(our_split, columns["split"]))
    if has_meld_ids(header):
        distinct_ids(columns)


def compose_names(columns: dict[str, list[str]]) -> None:
    """Write the accents of speakers and classes in one way, in place: each is one name then."""
    for name in {"speaker", LABEL} & columns.keys():
        columns[name] = list(map(composed, columns[name]))


def _csv_rows(
    path: Path, columns: Sequence[str], written: dict[str, None]
) -> Iterator[tuple[int, dict[str, str]]]:
    rows = csv_rows(path)
    header_line, header = next(rows, (1, []))  # of an empty file: no column, which others refuse
    written.update(dict.fromkeys(name.strip() for name in header))
    header = our_columns(header)
    refuse_repeats(f"{path}: line {header_line}", header, columns)
    for line, values in rows:
        if len(values) != len(header):
            raise InputError(f"{path}: line {line}: {len(values)} values for {len(header)} columns")
        stripped = (value.strip() for value in values)
        yield line, dict(zip(header, stripped, strict=True))


def refuse_repeats(where: str, header: Sequence[str], columns: Sequence[str]) -> None:
    """Raise `InputError` if one of these columns is there several times: all but one would go."""
    for name in columns:
        if header.count(name) > 1:
            raise InputError(f"{where}: column {name!r} occurs {header.count(name)} times")


def csv_rows(path: Path, text: str | None = None) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of each row's last line, and the values; rows without any are left out.

    The separator is that of the header, or of the line ``sep=;`` that spreadsheets put before it.

    Parameters
    ----------
    path : Path
    text : str, optional
        What the file holds, where it has been read already.

    Raises
    ------
    InputError
        If the file cannot be read or a line is malformed; names the line.
    """
    text = read_text(path) if text is None else text
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise InputError(f"{path}: line {line}: holds a NUL character, which text files do not")
    first = next(_lines(text), "").rstrip("\r\n")
    told = _TOLD.fullmatch(first)
    separator = (told and told[1]) or max(_SEPARATORS, key=first.count)
    reader = csv.reader(_lines(text), strict=True, delimiter=separator)
    try:
        for values in reader:
            # The line that tells the separator is no row.
            at_start = told and reader.line_num == 1
            if not at_start and any(value.strip() for value in values):
                yield reader.line_num, values
    except csv.Error as error:
        raise InputError(f"{path}: line {reader.line_num}: malformed CSV: {error}") from error


def _lines(text: str) -> Iterator[str]:
    """Yield the lines with their ends; io.StringIO would copy the text at four bytes a letter."""
    return (found[0] for found in _LINE.finditer(text))


def _jsonl_rows(
    path: Path, columns: Sequence[str], written: dict[str, None]
) -> Iterator[tuple[int, dict[str, str]]]:
    for number, content in json_lines(path):
        where = f"{path}: line {number}"
        written.update(dict.fromkeys(content))
        names = our_columns(list(content))
        refuse_repeats(where, names, columns)
        record = dict(zip(names, content.values(), strict=True))
        yield number, {c: as_text(record[c], where, c) for c in columns if c in record}


def as_text(value: object, where: str, column: str) -> str:
    """Return a cell as text; InputError where it is neither text nor a whole number nor None.

    Real numbers are values of targets, and no names: not in the columns of names.
    """
    if value is None:
        return ""
    if isinstance(value, float) and (column == LABEL or column not in COLUMNS):
        return repr(value)
    # Numbers make usual names of dialogues and speakers; True is an int to Python but no name.
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        return str(value)
    raise InputError(f"{where}: {column}: expected text or null, found {type(value).__name__}")
