"""Tables and lists of objects: CSV, TSV, JSON lines, and the JSON of recognisers and chats."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ariigcn_dgl.data.column_names import our_columns
from ariigcn_dgl.data.table import csv_rows
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.notes import Note
from ariigcn_dgl.near import did_you_mean
from ariigcn_dgl.transcripts.blocks import UNNAMED, speakers_of
from ariigcn_dgl.transcripts.cue import Cue
from ariigcn_dgl.transcripts.source import Source
from ariigcn_dgl.transcripts.times import parse_seconds

TABLES, LINES = (".csv", ".tsv", ".tab"), (".jsonl", ".ndjson")
# What others call a field, the surest first.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "speaker": (
        *("speaker", "speakers", "speaker_name", "speaker_label", "speaker_id", "name", "author"),
        *("sender", "sender_name", "from", "user", "username", "user_name", "role", "character"),
        *("participant", "who", "nick"),
    ),
    "text": (
        *("text", "transcript", "content", "message", "body", "sentence", "dialogue_text"),
        *("line", "lines", "words", "value", "utterance"),
    ),
    "start": ("start", "start_time", "starttime", "start time", "begin", "tmin", "onset"),
    "end": ("end", "end_time", "endtime", "end time", "stop", "tmax", "offset"),
    "when": ("timestamp", "date", "time", "datetime", "created_at", "sent_at", "ts"),
    "dialogue": (
        *("dialogue", "dialog", "dialogue_id", "dialog_id", "conversation", "conversation_id"),
        *("scene_id", "scene", "thread", "channel"),
    ),
    "split": ("split",),
}
_HOLDERS = (
    "segments",
    "utterances",
    "messages",
    "transcription",
    "turns",
    "dialogue",
    "dialog",
    "conversation",
    "conversations",
    "chat",
    "data",
    "results",
    "items",
)
_MOST_LISTED = 20


class _Row(NamedTuple):
    where: str
    values: dict[str, str]


def is_table(source: Source) -> bool:
    """Whether a file ends as a table, or its first line names speakers and what they say."""
    if source.suffix in TABLES:
        return True
    first = source.lines[0] if len(source.lines[0]) < 4096 else ""
    separators = [x for x in ",;\t" if x in first]
    cells = first.replace(";", ",").replace("\t", ",").split(",") if separators else []
    found = _places([cell.strip(' "') for cell in cells])
    return "speaker" in found and "text" in found


def is_records(source: Source) -> bool:
    """Whether a file is JSON, or JSON in each line."""
    return source.json is not None or source.suffix in LINES or _is_json_lines(source)


def _is_json_lines(source: Source) -> bool:
    first = next((line.strip() for line in source.lines if line.strip()), "")
    return first.startswith('{"') and first.endswith("}") and len(source.lines) > 1


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
    found: list[_Row] = []
    for line, values in rows:
        where = f"{source.path}: line {line}"
        if len(values) != len(header):
            raise InputError(f"{where}: {len(values)} values for {len(header)} columns")
        found.append(_Row(where, dict(zip(our_columns(header), values, strict=True))))
    return _dialogues(source, found, header, note)


def read_records(source: Source, note: Note) -> dict[str, list[Cue]]:
    """Return the objects of a list, wherever it lies in a JSON file, by dialogue.

    Raises
    ------
    InputError
        If there is no such list, none of its fields has what is said, or a time is none.
    """
    content = source.json
    if content is None:
        objects = list(_json_lines(source))
    else:
        objects = [(f"{source.path}: item {n}", x) for n, x in enumerate(_list(source, content), 1)]
    rows = [_Row(where, _flat(value)) for where, value in objects]
    header = list(dict.fromkeys(name for row in rows for name in row.values))
    ours = dict(zip(header, our_columns(header), strict=True))
    rows = [row._replace(values={ours[k]: v for k, v in row.values.items()}) for row in rows]
    if isinstance(content, dict) and "audio_duration" in content:  # its times are milliseconds
        rows = [row._replace(values=_in_seconds(row.values)) for row in rows]
    return _dialogues(source, rows, header, note)


def _json_lines(source: Source) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in enumerate(source.lines, 1):
        if not line.strip():
            continue
        where = f"{source.path}: line {number}"
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{where}: not valid JSON: {error}") from error
        if not isinstance(value, dict):
            raise InputError(f"{where}: expected a JSON object, found {type(value).__name__}")
        yield where, value


def _list(source: Source, content: Any) -> list[dict[str, Any]]:
    """Return the list of objects that a JSON file is, or holds under a usual name."""
    inner = [content]
    if isinstance(content, dict):
        inner = [content[name] for name in _HOLDERS if name in content]
        inner += [x for x in inner if isinstance(x, dict)]
    for found in inner:
        if isinstance(found, dict):
            found = next((found[name] for name in _HOLDERS if name in found), None)
        if isinstance(found, list) and found and all(isinstance(x, dict) for x in found):
            return found
    raise InputError(
        f"{source.path}: JSON without a list of utterances or messages, expected objects with "
        'speaker and text, as [{"speaker": "Ann", "text": "Hi"}], or under "segments", "messages"'
    )


def _flat(record: Mapping[str, Any]) -> dict[str, str]:
    """Return the values as text; of objects, as who sent a message, their names."""
    flat = {str(name): _as_text(value) for name, value in record.items()}
    times = record.get("timestamps")
    if isinstance(times, dict):  # whisper.cpp
        flat |= {"start": _as_text(times.get("from")), "end": _as_text(times.get("to"))}
    return flat


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        names = ("nickname", "display_name", "real_name", "name", "username", "id", "text")
        return next((_as_text(value[name]) for name in names if value.get(name)), "")
    if isinstance(value, list):
        return " ".join(filter(None, map(_as_text, value)))
    return str(value)


def _in_seconds(values: dict[str, str]) -> dict[str, str]:
    return values | {
        k: f"{int(values[k]) / 1000}" for k in ("start", "end") if values.get(k, "").isdigit()
    }


def _places(header: Sequence[str]) -> dict[str, str]:
    """Return which column is each of our fields."""
    lower = {name.lower().strip().replace("-", "_"): name for name in reversed(header)}
    found: dict[str, str] = {}
    for field, names in _NAMES.items():
        place = next((lower[name] for name in names if name in lower), None)
        if place is not None and place not in found.values():
            found[field] = place
    return found


def _dialogues(
    source: Source, rows: Sequence[_Row], header: Sequence[str], note: Note
) -> dict[str, list[Cue]]:
    places = _places(list(dict.fromkeys(name for row in rows for name in row.values)))
    if "text" not in places:
        listed = ", ".join(header[:_MOST_LISTED]) or "none"
        raise InputError(
            f"{source.path}: no column or field with what is said, expected text, message, content "
            f"or utterance; there are {listed}{did_you_mean('text', header)}"
        )
    dialogues: dict[str, list[Cue]] = {}
    speaker, silent, nameless = UNNAMED, 0, 0
    for row in rows:
        fields = {field: " ".join(row.values.get(at, "").split()) for field, at in places.items()}
        if not fields["text"]:
            silent += 1
            continue
        nameless += not fields.get("speaker")
        speaker = fields.get("speaker") or speaker
        cue = Cue(speaker, fields["text"], *_times(row, fields), fields.get("when", ""))
        dialogues.setdefault(_dialogue(fields), []).append(cue)
    if not dialogues:
        raise InputError(f"{source.path}: none of its {len(rows)} rows says anything")
    _tell(source, dialogues, silent, nameless, "speaker" in places, note)
    return dialogues


def _dialogue(fields: Mapping[str, str]) -> str:
    split, name = fields.get("split", ""), fields.get("dialogue", "")
    return f"{split}_{name}" if split and name else name


def _times(row: _Row, fields: Mapping[str, str]) -> tuple[float | None, float | None]:
    found = []
    for name in ("start", "end"):
        text = fields.get(name, "")
        try:
            found.append(parse_seconds(text) if text else None)
        except ValueError as error:
            raise InputError(
                f"{row.where}: {name} is {text[:40]!r}, expected seconds or 00:01:02,500"
            ) from error
    start, end = found
    if start is not None and end is not None and end < start:
        raise InputError(f"{row.where}: ends at {end:g} s, before it starts at {start:g} s")
    return (start, end) if start is not None and end is not None else (None, None)


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
