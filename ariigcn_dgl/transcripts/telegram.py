"""Telegram's exported chats: ``result.json`` of one chat or of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.notes import Note
from ariigcn_dgl.transcripts.blocks import speakers_of
from ariigcn_dgl.transcripts.cue import Cue
from ariigcn_dgl.transcripts.source import Source

_LISTS = ("chats", "left_chats")


def is_telegram(source: Source) -> bool:
    """Whether a file is what Telegram Desktop exports as JSON."""
    found = source.json
    if not isinstance(found, dict):
        return False
    return any(_is_chat(chat) for chat in _chats(found))


def _is_chat(chat: Any) -> bool:
    messages = chat.get("messages") if isinstance(chat, dict) else None
    first = next(iter(messages), None) if isinstance(messages, list) else None
    return isinstance(first, dict) and first.get("type") in ("message", "service")


def _chats(found: Mapping[str, Any]) -> Iterator[Any]:
    if "messages" in found:
        yield found
    for name in _LISTS:
        inner = found.get(name)
        if isinstance(inner, dict) and isinstance(inner.get("list"), list):
            yield from inner["list"]


def read_telegram(source: Source, note: Note) -> dict[str, list[Cue]]:
    """Return the messages with words of each chat, by its name.

    Raises
    ------
    InputError
        If nobody says anything.
    """
    chats: dict[str, list[Cue]] = {}
    empty = 0
    for number, chat in enumerate(_chats(source.json), 1):
        messages = chat.get("messages") if isinstance(chat, dict) else None
        if not isinstance(messages, list) or not messages:
            empty += 1
            continue
        own = _line(chat.get("name")) or f"chat {number}"
        others = (f"{own} {n}" for n in count(number))
        name = own if own not in chats else next(x for x in others if x not in chats)
        chats[name] = _cues(source, name, messages, note)
    if empty:
        note(f"{source.path}: {empty} chats have no messages: left out")
    spoken = {name: cues for name, cues in chats.items() if cues}
    if not spoken:
        raise InputError(f"{source.path}: a Telegram export in which nobody says anything")
    return spoken


def _cues(source: Source, chat: str, messages: list[Any], note: Note) -> list[Cue]:
    cues: list[Cue] = []
    without: Counter[str] = Counter()
    nameless = 0
    for message in messages:
        if not isinstance(message, dict) or message.get("type") != "message":
            without["service messages"] += 1
            continue
        text = _words(message)
        if not text:
            without[_line(message.get("media_type")) or _attached(message)] += 1
            continue
        speaker = _line(message.get("from"))
        nameless += not speaker
        cues.append(Cue(speaker or _account(message), text, when=_line(message.get("date"))))
    where = f"{source.path}: chat {chat!r}"
    who = speakers_of(cues) if cues else "so it is left out"
    note(f"{where}: {len(cues)} messages, {who}")
    if without:
        kinds = ", ".join(f"{count} {what}" for what, count in without.most_common())
        note(f"{where}: {without.total()} messages without words are left out: {kinds}")
    if nameless:
        note(f"{where}: {nameless} messages are of deleted accounts: called by their number")
    return cues


def _account(message: Mapping[str, Any]) -> str:
    return _line(message.get("from_id")) or "deleted account"


def _words(message: Mapping[str, Any]) -> str:
    """Return the text, which is a string, or strings and entities in their order."""
    text = message.get("text")
    pieces = text if isinstance(text, list) else [text]
    joined = "".join(
        str(piece.get("text", "")) if isinstance(piece, dict) else str(piece)
        for piece in pieces
        if piece is not None
    )
    poll = message.get("poll")
    question = poll.get("question") if isinstance(poll, dict) else None
    return _line(joined) or _line(question)


def _attached(message: Mapping[str, Any]) -> str:
    kinds = ("photo", "file", "contact_information", "location_information")
    return next((kind for kind in kinds if kind in message), "empty")


def _line(value: Any) -> str:
    return "" if value is None else " ".join(str(value).split())
