"""The utterances of recordings: from subtitles, from a folder of both, or from a table."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from ariigcn_dgl.data.table import Table, read_table
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract import media
from ariigcn_dgl.extract.notes import Note
from ariigcn_dgl.files import writable
from ariigcn_dgl.transcripts import subtitles
from ariigcn_dgl.transcripts.cue import Cue
from ariigcn_dgl.transcripts.read import read_transcript

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


def from_subtitles(recording: Path, path: Path | None, note: Note) -> list[Spoken]:
    """Return the utterances of one recording; it is one dialogue, named like the file.

    Parameters
    ----------
    recording : Path
    path : Path or None
        Its subtitles; None: those beside it, of the same name.
    note : callable
        Gets sentences about what is unusual.

    Raises
    ------
    InputError
        If there are no subtitles, or they cannot be used.
    """
    if not recording.is_file():
        raise InputError(f"{recording}: no such file")
    path = path or _beside(recording)
    if path is None:
        raise InputError(
            f"{recording}: no subtitles beside it ({recording.stem}.srt or .vtt): name them with "
            "--subtitles, or the utterances with --utterances"
        )
    return _of_cues(recording, writable(recording.stem), read_transcript(path, note))


def from_transcript(path: Path, note: Note) -> list[Spoken]:
    """Return the utterances of a transcript without a recording; it is one dialogue.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    return _of_cues(None, writable(path.stem), read_transcript(path, note))


def _of_cues(recording: Path | None, dialogue: str, cues: Sequence[Cue]) -> list[Spoken]:
    return [
        Spoken(
            recording=recording,
            dialogue=dialogue,
            name=f"{dialogue}_{n}",
            speaker=cue.speaker,
            start=cue.start,
            end=cue.end,
            text=cue.text,
            when=cue.when,
        )
        for n, cue in enumerate(cues)
    ]


def from_folder(folder: Path, note: Note) -> list[Spoken]:
    """Return the utterances of all recordings in a folder that have subtitles beside them.

    Raises
    ------
    InputError
        If there are none, or two have the same name.
    """
    recordings = sorted(p for p in folder.iterdir() if p.suffix.lower() in media.SUFFIXES)
    pairs = [recording for recording in recordings if _beside(recording)]
    for recording in set(recordings) - set(pairs):
        note(f"{recording}: has no subtitles beside it; left out")
    if not pairs:
        raise InputError(f"{folder}: holds no recording with subtitles beside it (a.mp4 and a.srt)")
    for one, other in pairwise(pairs):
        if one.stem == other.stem:
            raise InputError(f"{one}: has the same name as {other.name}, expected one of them")
    return [spoken for recording in pairs for spoken in from_subtitles(recording, None, note)]


def from_table(path: Path, recordings: Path) -> list[Spoken]:
    """Return the utterances of a table, in its order.

    Columns: dialogue, speaker; file, unless `recordings` is one file; start and end, in seconds or
    as 00:01:02,500, by default the whole file; text; label; split; utterance, by default
    ``<dialogue>_<turn>``.

    Parameters
    ----------
    path : Path
        .csv with a header line, or .jsonl.
    recordings : Path
        The folder that the column ``file`` is relative to, or the one recording.

    Raises
    ------
    InputError
        If a column is missing or a value cannot be used; names the line.
    """
    table = read_table(path, COLUMNS)
    if not table.lines:
        raise InputError(f"{path}: holds no utterance")
    single = recordings.is_file()
    table.require("dialogue", "speaker", *(() if single else ("file",)))
    table.dialogues()  # refuses dialogues that come back
    return list(_rows(table, recordings, single))


def _rows(table: Table, recordings: Path, single: bool) -> Iterator[Spoken]:
    turn, previous = 0, None
    for row in range(len(table.lines)):
        values = {name: column[row] for name, column in table.columns.items()}
        dialogue = values["dialogue"]
        turn = turn + 1 if dialogue == previous else 0
        previous = dialogue
        recording = recordings if single else recordings / values["file"]
        if not recording.is_file():
            raise InputError(f"{table.where(row)}: file: {recording} does not exist")
        start, end = _times(table, row, values)
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


def _times(table: Table, row: int, values: dict[str, str]) -> tuple[float, float]:
    found = []
    for name, default in (("start", 0.0), ("end", math.inf)):
        text = values.get(name, "")
        try:
            time = _seconds(text) if text else default
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


def _seconds(text: str) -> float:
    # Spreadsheets of many languages write 0,5; times of subtitles have a comma, too.
    return subtitles.parse_time(text) if ":" in text else float(text.replace(",", "."))


def _beside(recording: Path) -> Path | None:
    found = (recording.with_suffix(suffix) for suffix in subtitles.SUFFIXES)
    return next((path for path in found if path.is_file()), None)
