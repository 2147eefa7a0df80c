"""Lists of objects in JSON: of recognisers, and chats of Discord, Slack and Messenger."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ariigcn_dgl.data.column_names import our_columns
from ariigcn_dgl.data.table import JSON_LINES
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import parse_json
from ariigcn_dgl.notes import Note
from ariigcn_dgl.transcripts.cue import Cue
from ariigcn_dgl.transcripts.records import Row, dialogues_of
from ariigcn_dgl.transcripts.source import Source

_HOLDERS = (
    *("segments", "utterances", "messages", "transcription", "turns", "dialogue", "dialog"),
    *("conversation", "conversations", "chat", "data", "results", "items"),
)
# What programs say of their users, in Slack by subtype, in Discord by type.
_SYSTEM = frozenset(
    {"RecipientAdd", "RecipientRemove", "Call", "ChannelNameChange", "ChannelIconChange"}
    | {"ChannelPinnedMessage", "GuildMemberJoin", "ThreadCreated"}
)
_SLACK = ("channel_", "group_", "bot_add", "bot_remove", "tombstone")


def is_json_list(source: Source) -> bool:
    """Whether a file is JSON, or JSON in each line."""
    if source.json is not None or source.suffix in (".json", *JSON_LINES):
        return True
    return _is_json_lines(source)


def _is_json_lines(source: Source) -> bool:
    first = next((line.strip() for line in source.lines if line.strip()), "")
    return first.startswith('{"') and first.endswith("}") and len(source.lines) > 1


def read_json_list(source: Source, note: Note) -> dict[str, list[Cue]]:
    """Return the objects of a list, wherever it lies in a JSON file, by dialogue.

    Raises
    ------
    InputError
        If there is no such list, none of its fields has what is said, or a time is none.
    """
    content = _of_facebook(source, note)
    if content is None or _is_one_line(source, content):
        if source.suffix not in JSON_LINES and not _is_json_lines(source):
            _refuse_invalid(source)
        objects = list(_json_lines(source))
    else:
        objects = [(f"{source.path}: item {n}", x) for n, x in enumerate(_list(source, content), 1)]
    rows = [Row(where, _flat(value)) for where, value in objects]
    header = list(dict.fromkeys(name for row in rows for name in row.values))
    ours = dict(zip(header, our_columns(header), strict=True))
    rows = [row._replace(values={ours[k]: v for k, v in row.values.items()}) for row in rows]
    if isinstance(content, dict) and "audio_duration" in content:  # its times are milliseconds
        rows = [row._replace(values=_in_seconds(row.values)) for row in rows]
    rows = _of_slack(_without_system(source, rows, note))
    return dialogues_of(source, rows, header, note)


def _is_one_line(source: Source, content: Any) -> bool:
    """Whether a file of JSON lines has one, which is JSON as a whole, too."""
    is_utterance = isinstance(content, dict) and not set(_HOLDERS) & set(content)
    return source.suffix in JSON_LINES and is_utterance


def _refuse_invalid(source: Source) -> None:
    try:
        json.loads(source.text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{source.path}: not valid JSON: {error}") from error
    raise InputError(f"{source.path}: expected a JSON object or a list of them")


def _json_lines(source: Source) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in enumerate(source.lines, 1):
        if line.strip():
            where = f"{source.path}: line {number}"
            yield where, parse_json(line, where)


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


def _without_system(source: Source, rows: list[Row], note: Note) -> list[Row]:
    """Return the rows that people wrote."""
    kept = [
        row
        for row in rows
        if row.values.get("type") not in _SYSTEM
        and not row.values.get("subtype", "").startswith(_SLACK)
    ]
    if len(kept) < len(rows):
        note(f"{source.path}: {len(rows) - len(kept)} messages are by the program: left out")
    return kept


def _of_slack(rows: list[Row]) -> list[Row]:
    """Return rows with the signs that Slack escapes, and with names of users that have one.

    Who is named in one message is a number alone in others.
    """
    if not any("user_profile" in row.values for row in rows):
        return rows
    pairs = ((row.values.get("user", ""), row.values.get("user_profile", "")) for row in rows)
    users = {number: name for number, name in pairs if number and name}
    for row in rows:
        if name := users.get(row.values.get("user", "")):
            row.values["user_profile"] = name
        for escaped, sign in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
            row.values["text"] = row.values.get("text", "").replace(escaped, sign)
    return rows


def _of_facebook(source: Source, note: Note) -> Any:
    """Return the content; of Facebook's exports with letters mended, and the oldest first."""
    content = source.json
    if not isinstance(content, dict) or not {"participants", "thread_path"} <= set(content):
        return content
    messages = content.get("messages")
    if isinstance(messages, list) and all(isinstance(one, dict) for one in messages):
        note(
            f"{source.path}: of Facebook or Instagram, which write each letter beyond ASCII as "
            "several, and the last message first: mended, and turned round"
        )
        content = content | {"messages": [_mended(one) for one in reversed(messages)]}
    return content


def _mended(message: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _letters(value) if isinstance(value, str) else value
        for name, value in message.items()
    }


def _letters(text: str) -> str:
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:  # as it should be already
        return text
