"""Rows of who says what, whatever their fields are called; and tables: CSV, TSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from ariigcn_dgl.data.column_names import our_columns
from ariigcn_dgl.data.table import SEPARATED, csv_rows
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.near import did_you_mean
from ariigcn_dgl.notes import Note
from ariigcn_dgl.transcripts.blocks import UNNAMED, speakers_of
from ariigcn_dgl.transcripts.cue import Cue
from ariigcn_dgl.transcripts.source import Source
from ariigcn_dgl.transcripts.times import parse_instant, start_and_end

# What others call a field, the surest first.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "speaker": (
        *(
            "speaker",
            "speakers",
            "user_profile",
            "speaker_name",
            "speaker_label",
            "speaker_id",
            "name",
            "author",
        ),
        *("sender", "sender_name", "from", "user", "username", "user_name", "role", "character"),
        *("participant", "who", "nick", "bot_id"),
    ),
    "text": (
        *("text", "transcript", "content", "message", "body", "sentence", "dialogue_text"),
        *("line", "lines", "words", "value", "utterance"),
    ),
    "start": ("start", "start_time", "starttime", "start time", "begin", "tmin", "onset"),
    "end": ("end", "end_time", "endtime", "end time", "stop", "tmax", "offset"),
    "when": (
        "timestamp",
        "date",
        "time",
        "datetime",
        "created_at",
        "sent_at",
        "ts",
        "timestamp_ms",
    ),
    "dialogue": (
        *("dialogue", "dialog", "dialogue_id", "dialog_id", "conversation", "conversation_id"),
        *("scene_id", "scene", "thread", "channel"),
    ),
    "split": ("split",),
}
_MOST_LISTED = 20


class Row(NamedTuple):
    """What one line or object says, by our names of its fields, and its place for messages."""

    where: str
    values: dict[str, str]


def is_table(source: Source) -> bool:
    """Whether a file ends as a table, or its first line names speakers and what they say."""
    if source.suffix in SEPARATED:
        return True
    first = source.lines[0] if len(source.lines[0]) < 4096 else ""
    separators = [x for x in ",;\t" if x in first]
    cells = first.replace(";", ",").replace("\t", ",").split(",") if separators else []
    found = _places([cell.strip(' "') for cell in cells])
    return "speaker" in found and "text" in found


def read_table(source: Source, note: Note) -> dict[str, list[Cue]]:
    """Return the rows of a table with a header line, by dialogue.

    Raises
    ------
    InputError
        If a line is malformed, no column has what is said, or a time is none; names the line.
    """
    rows = csv_rows(source.path, source.text)
    _, header = next(rows, (1, [""]))
    header = [name.strip() for name in header]
    ours = our_columns(header)
    _refuse_repeats(source, ours)
    found: list[Row] = []
    for line, values in rows:
        where = f"{source.path}: line {line}"
        if len(values) != len(header):
            raise InputError(f"{where}: {len(values)} values for {len(header)} columns")
        found.append(Row(where, dict(zip(ours, values, strict=True))))
    _refuse_partly_named(found, _places(ours).get("dialogue", []))
    return dialogues_of(source, found, header, note)


def _refuse_partly_named(rows: Sequence[Row], columns: Sequence[str]) -> None:
    """Raise where some rows name their dialogue and others do not: cells may have been merged."""
    names = [_first(row, columns) for row in rows]
    if any(names) and not all(names):
        raise InputError(
            f"{rows[names.index('')].where}: {columns[0]} is empty, expected a name, as other rows "
            "have one"
        )


def _refuse_repeats(source: Source, header: Sequence[str]) -> None:
    """Raise where two columns are one of our fields: what the first says would go."""
    for name in dict.fromkeys(column for places in _places(header).values() for column in places):
        if header.count(name) > 1:
            raise InputError(
                f"{source.path}: line 1: {header.count(name)} columns are '{name}'; give the one "
                "that counts another name, or remove the others"
            )


def _places(header: Sequence[str]) -> dict[str, list[str]]:
    """Return which columns are each of our fields; who speaks may stand now here, now there."""
    lower = {name.lower().strip().replace("-", "_"): name for name in reversed(header)}
    found: dict[str, list[str]] = {}
    taken: set[str] = set()
    for field, names in _NAMES.items():
        places = [lower[name] for name in names if name in lower and lower[name] not in taken]
        if places:
            found[field] = places if field == "speaker" else places[:1]
            taken.update(found[field][:1])
    return found


def _first(row: Row, columns: Sequence[str]) -> str:
    values = (" ".join(row.values.get(name, "").split()) for name in columns)
    return next(filter(None, values), "")


def dialogues_of(
    source: Source, rows: Sequence[Row], header: Sequence[str], note: Note
) -> dict[str, list[Cue]]:
    """Return the cues of rows by dialogue; rows without words are counted.

    Parameters
    ----------
    source : Source
    rows : sequence of Row
    header : sequence of str
        The fields as the file names them, for messages.
    note : callable

    Raises
    ------
    InputError
        If no field has what is said, no row says anything, or a time is none; names the row.
    """
    if not rows:
        raise InputError(f"{source.path}: holds no row, expected one for each utterance")
    places = _places(list(dict.fromkeys(name for row in rows for name in row.values)))
    if "text" not in places:
        listed = ", ".join(" ".join(name.split()) for name in header[:_MOST_LISTED]) or "none"
        raise InputError(
            f"{source.path}: no column or field with what is said, expected text, message, content "
            f"or utterance; there are {listed}{did_you_mean('text', header)}"
        )
    rows = _oldest_first(source, rows, places, note)
    dialogues: dict[str, list[Cue]] = {}
    speaker, silent, nameless, half_timed = UNNAMED, 0, 0, 0
    for row in rows:
        fields = {field: _first(row, columns) for field, columns in places.items()}
        if not fields["text"]:
            silent += 1
            continue
        nameless += not fields.get("speaker")
        speaker = fields.get("speaker") or speaker
        start, end = start_and_end(row.where, fields)
        timed = start is not None and end is not None
        half_timed += not timed and (start is not None or end is not None)
        times = (start, end) if timed else (None, None)
        cue = Cue(speaker, fields["text"], *times, fields.get("when", ""))
        dialogues.setdefault(_dialogue(fields), []).append(cue)
    if not dialogues:
        raise InputError(f"{source.path}: none of its {len(rows)} rows says anything")
    _tell(source, dialogues, silent, nameless, "speaker" in places, note)
    _tell_times(source, dialogues, half_timed, note)
    return dialogues


def _oldest_first(
    source: Source, rows: Sequence[Row], places: Mapping[str, list[str]], note: Note
) -> list[Row]:
    """Return the rows, those of each dialogue turned round where the newest ones are first.

    So services answer that are asked for the messages of a channel. Where one dialogue goes
    forward, the file is in no such order.
    """
    dialogues = _places_of_dialogues(rows, places).values()
    older, newer = map(
        sum, zip(*(_steps([rows[n] for n in x], places) for x in dialogues), strict=True)
    )
    if not older:
        return list(rows)
    if newer:
        note(
            f"{source.path}: {older} rows are older than the row above, by their times: left in "
            "the order of the file"
        )
        return list(rows)
    note(f"{source.path}: the newest row is the first, by their times: turned round")
    ordered = list(rows)
    for at in dialogues:
        for place, other in zip(at, reversed(at), strict=True):
            ordered[place] = rows[other]
    return ordered


def _places_of_dialogues(
    rows: Sequence[Row], places: Mapping[str, list[str]]
) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        fields = {x: _first(row, places.get(x, [])) for x in ("split", "dialogue")}
        found.setdefault(_dialogue(fields), []).append(place)
    return found


def _steps(rows: Sequence[Row], places: Mapping[str, list[str]]) -> tuple[int, int]:
    """Return how many rows with words are older, and newer, than the one above.

    Both are 0 where times within a recording order them, or not all times can be compared.
    """
    said = [row for row in rows if _first(row, places["text"])]
    if any(_first(row, places.get("start", [])) for row in said):
        return 0, 0
    times = [parse_instant(_first(row, places.get("when", []))) for row in said]
    known = [time for time in times if time is not None]
    if len(known) < len(times) or len({time.kind for time in known}) > 1:
        return 0, 0
    pairs = list(pairwise(known))
    return sum(b < a for a, b in pairs), sum(b > a for a, b in pairs)


def _dialogue(fields: Mapping[str, str]) -> str:
    split, name = fields.get("split", ""), fields.get("dialogue", "")
    return f"{split}_{name}" if split and name else name


def _tell_times(
    source: Source, dialogues: Mapping[str, Sequence[Cue]], half_timed: int, note: Note
) -> None:
    path = source.path
    if half_timed:
        note(f"{path}: {half_timed} rows have a start or an end without the other: not used")
    timed = rows = back = overlapping = 0
    for of_dialogue in dialogues.values():
        known = sum(cue.start is not None for cue in of_dialogue)
        if 0 < known < len(of_dialogue):  # of a dialogue: another one may have none
            timed, rows = timed + known, rows + len(of_dialogue)
        spans = [(x.start, x.end) for x in of_dialogue if x.start is not None and x.end is not None]
        for before, after in pairwise(spans):
            back += after[0] < before[0]
            overlapping += before[0] <= after[0] < before[1]
    if timed:
        note(f"{path}: {timed} of {rows} rows have times")
    if back:
        note(f"{path}: {back} rows begin before the row above: left in the order of the file")
    if overlapping:
        note(f"{path}: {overlapping} rows begin before the row above ends")


def _tell(
    source: Source,
    dialogues: Mapping[str, Sequence[Cue]],
    silent: int,
    nameless: int,
    has_speakers: bool,
    note: Note,
) -> None:
    path = source.path
    cues = [cue for of_dialogue in dialogues.values() for cue in of_dialogue]
    if has_speakers:
        note(f"{path}: {speakers_of(cues)}")
    else:
        note(f"{path}: names no speakers: taken as one speaker's words")
    if has_speakers and nameless:
        note(f"{path}: {nameless} name no speaker: taken as the words of the one before")
    if silent:
        note(f"{path}: {silent} without words are left out, as pictures, files or joins")
