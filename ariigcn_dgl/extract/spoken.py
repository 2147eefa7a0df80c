"""An utterance of a recording or of a text, and those that a table names."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

from ariigcn_dgl.data.column_names import has_meld_ids
from ariigcn_dgl.data.table import Table, read_table
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import composed
from ariigcn_dgl.notes import Note, unsaid
from ariigcn_dgl.transcripts.times import start_and_end

COLUMNS = (
    *("file", "dialogue", "utterance", "speaker", "start", "end", "text"),
    *("label", "split"),
)


@dataclass(frozen=True)
class Spoken:
    """One utterance, of a recording or of a text alone.

    Parameters
    ----------
    recording : Path or None
        None: there is only what was said.
    dialogue, name, speaker : str
        The utterance's name is unique.
    start, end : float or None
        Seconds from the beginning of the recording, where they are known; an infinite end is that
        of the recording.
    text : str
        What was said; empty where unknown.
    label, split : str
        Empty where unknown.
    when : str
        Date and time as a chat writes it; empty where unknown.
    """

    recording: Path | None
    dialogue: str
    name: str
    speaker: str
    start: float | None
    end: float | None
    text: str
    label: str = ""
    split: str = ""
    when: str = ""

    @property
    def times(self) -> tuple[float, float]:
        """Start and end, for who looks at the recording or listens to it.

        Raises
        ------
        InputError
            If they are not known.
        """
        if self.start is None or self.end is None:
            raise InputError(
                f"{self.recording or self.dialogue}: when the utterance '{self.name}' is said is "
                "not known: give subtitles with times, or use the text alone"
            )
        return self.start, self.end


def from_table(path: Path, recordings: Path | None, note: Note = unsaid) -> list[Spoken]:
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
    note : callable
        Told where one of start and end is given without the other.

    Raises
    ------
    InputError
        If a column is missing or a value cannot be used; names the line.
    """
    return of_table(read_table(path, COLUMNS), recordings, note)


def of_table(table: Table, recordings: Path | None, note: Note = unsaid) -> list[Spoken]:
    """Return the utterances of a table that has been read; see `from_table`."""
    if not table.lines:
        raise InputError(f"{table.path}: holds no utterance")
    alone = recordings is None and "file" not in table.columns
    single = recordings is not None and recordings.is_file()
    table.require("dialogue", "speaker", *(() if single or alone else ("file",)))
    if alone and "text" not in table.columns:
        table.require("text")
    table.dialogues()  # refuses dialogues that come back
    if alone and "" in table.columns["text"]:
        raise InputError(
            f"{table.where(table.columns['text'].index(''))}: text is empty, expected what was "
            "said: leave the row out, or name the recording in a column file"
        )
    if has_meld_ids(table.header) and "label" in table.columns:
        table.columns["label"] = [label.lower() for label in table.columns["label"]]
    _note_half_timed(table, alone, note)
    return list(_rows(table, recordings, single, alone))


def _note_half_timed(table: Table, alone: bool, note: Note) -> None:
    """Say how many rows have one of start and end, and what becomes of them."""
    starts, ends = (table.columns.get(name, [""] * len(table.lines)) for name in ("start", "end"))
    becomes = {
        "no end": (starts, ends, "they last to the end of the recording"),
        "no start": (ends, starts, "they begin with the recording"),
    }
    for lacking, (given, other, what) in becomes.items():
        rows = [n for n, one in enumerate(given) if one and not other[n]]
        if rows:
            note(
                f"{table.where(rows[0])}: has {lacking}, as {len(rows)} rows in all: "
                f"{'their times are not used' if alone else what}"
            )


def _rows(table: Table, recordings: Path | None, single: bool, alone: bool) -> Iterator[Spoken]:
    turn, previous = 0, None
    for row in range(len(table.lines)):
        values = {name: column[row] for name, column in table.columns.items()}
        dialogue = values["dialogue"]
        turn = turn + 1 if dialogue == previous else 0
        previous = dialogue
        recording = None if alone else recordings
        if not (alone or single):
            recording = _file(recordings or Path(table.path).parent, values["file"])
            if not recording.is_file():
                raise InputError(f"{table.where(row)}: file: {recording} does not exist")
        start, end = start_and_end(table.where(row), values)
        if start is None or end is None:
            whole = (start or 0.0, math.inf if end is None else end)
            start, end = (None, None) if alone else whole
        yield Spoken(
            recording=recording,
            dialogue=dialogue,
            name=values.get("utterance") or f"{dialogue}_{turn}",
            speaker=composed(values["speaker"]),  # "ë" is one letter, or "e" and an accent
            start=start,
            end=end,
            text=" ".join(values.get("text", "").split()),
            label=composed(values.get("label", "")),
            split=values.get("split", ""),
        )


def _file(folder: Path, name: str) -> Path:
    """Return a file, also where its name writes accented letters otherwise than the table does."""
    forms = (name, composed(name), normalize("NFD", name))
    return next((folder / x for x in forms if (folder / x).is_file()), folder / name)
