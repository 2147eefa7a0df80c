"""Read the table of utterances, utterances.csv or utterances.jsonl: one row per utterance."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import parse_json, read_text

COLUMNS = ("dialogue", "utterance", "speaker", "label", "split")


@dataclass(frozen=True)
class Table:
    """The known columns of a table of N utterances, as text, in order of speaking.

    Parameters
    ----------
    path : Path
        The file, for messages.
    lines : list of int, length N
        Line number of each row, for messages.
    columns : dict of str to list of str, length N
        Those asked for that the file has; an absent value is the empty string.
    """

    path: Path
    lines: list[int]
    columns: dict[str, list[str]]

    def where(self, row: int) -> str:
        """Return the file, line and dialogue of a row, to begin a message with."""
        return f"{self.path}: line {self.lines[row]}: dialogue {self.columns['dialogue'][row]!r}"

    def require(self, *names: str) -> None:
        """Raise `InputError` unless these columns are there and have a value in every row."""
        for name in names:
            if name not in self.columns:
                found = ", ".join(self.columns) or "none that is known"
                raise InputError(f"{self.path}: no column {name!r}; found {found}")
            if "" in self.columns[name]:
                line = self.lines[self.columns[name].index("")]
                raise InputError(f"{self.path}: line {line}: {name} is empty, expected a name")

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
        values = self.columns.get(column, [""] * len(self.lines))
        place = {"": -1} | {name: index for index, name in enumerate(names)}
        for row, value in enumerate(values):
            if value not in place:
                known = ", ".join(names) or "none"
                raise InputError(
                    f"{self.where(row)} has the {column} {value!r}, expected one of: {known}"
                )
        return np.array([place[value] for value in values], dtype=np.int64)


def read_table(path: Path, columns: Sequence[str] = COLUMNS) -> Table:
    """Read a table from a .csv file with a header line, or from a .jsonl file.

    Column names are taken without regard to case; columns that are not asked for are ignored.

    Parameters
    ----------
    path : Path
    columns : sequence of str
        Lower-case names.

    Raises
    ------
    InputError
        If the file cannot be read or a line is malformed; names the line.
    """
    parse = _csv_rows if path.suffix == ".csv" else _jsonl_rows
    rows = list(parse(path, read_text(path), columns))
    found = {name for _, row in rows for name in row}
    return Table(
        path=path,
        lines=[line for line, _ in rows],
        columns={c: [row.get(c, "") for _, row in rows] for c in columns if c in found},
    )


def _csv_rows(
    path: Path, text: str, columns: Sequence[str]
) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        for name in columns:
            if header.count(name) > 1:
                raise InputError(
                    f"{path}: line 1: column {name!r} occurs {header.count(name)} times"
                )
        for values in reader:
            if values and len(values) != len(header):
                raise InputError(
                    f"{path}: line {reader.line_num}: {len(values)} values "
                    f"for {len(header)} columns"
                )
            if values:
                stripped = (value.strip() for value in values)
                yield reader.line_num, dict(zip(header, stripped, strict=True))
    except csv.Error as error:
        raise InputError(f"{path}: line {reader.line_num}: malformed CSV: {error}") from error


def _jsonl_rows(
    path: Path, text: str, columns: Sequence[str]
) -> Iterator[tuple[int, dict[str, str]]]:
    # Not str.splitlines: it also splits at characters that JSON strings may hold.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            where = f"{path}: line {number}"
            record = {name.lower(): value for name, value in parse_json(line, where).items()}
            yield number, {c: _as_text(record[c], where, c) for c in columns if c in record}


def _as_text(value: object, where: str, column: str) -> str:
    if value is None:
        return ""
    # Numbers make usual names of dialogues and speakers; True is an int to Python but no name.
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        return str(value)
    raise InputError(f"{where}: {column}: expected text or null, found {type(value).__name__}")
