"""Read a transcript of any known kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from ariigcn_dgl.data.table import JSON_LINES, SEPARATED
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import composed, writable
from ariigcn_dgl.notes import Note
from ariigcn_dgl.transcripts import (
    dialogue_text,
    discord_text,
    json_lists,
    older_subtitles,
    records,
    rttm,
    substation,
    subtitles,
    telegram,
    textgrid,
    ttml,
    whatsapp,
    zoom_chat,
)
from ariigcn_dgl.transcripts.cue import Cue
from ariigcn_dgl.transcripts.source import Source, read_source

# What transcripts end in, the likeliest beside a recording first.
SUFFIXES = (
    *(".srt", ".vtt", ".ass", ".ssa", ".ttml", ".dfxp", ".itt", ".sub", ".smi", ".sami"),
    *(".sbv", ".textgrid", ".ctm", ".json", *JSON_LINES, *SEPARATED, ".txt"),
)

Read = Callable[[Source, Note], "list[Cue] | dict[str, list[Cue]]"]


class Format(NamedTuple):
    """A kind of transcript: what people call it, what recognises it, and what reads it."""

    name: str
    fits: Callable[[Source], bool]
    read: Read


# The surest signs first: a chat may quote a subtitle, and any text may hold "Name: text".
FORMATS = (
    Format("Praat TextGrid", textgrid.is_textgrid, textgrid.read_textgrid),
    Format("SubStation Alpha", substation.is_substation, substation.read_substation),
    Format("TTML", ttml.is_ttml, ttml.read_ttml),
    Format("RTTM", rttm.is_rttm, rttm.refuse_rttm),
    Format("Telegram", telegram.is_telegram, telegram.read_telegram),
    Format("JSON", json_lists.is_json_list, json_lists.read_json_list),
    Format("Discord", discord_text.is_discord_text, discord_text.read_discord_text),
    Format("WhatsApp", whatsapp.is_whatsapp, whatsapp.read_whatsapp),
    Format("SubRip, WebVTT or SBV", subtitles.is_subtitles, subtitles.read),
    Format(
        "MicroDVD, MPL2, TMPlayer or SAMI", older_subtitles.is_older, older_subtitles.read_older
    ),
    Format("table", records.is_table, records.read_table),
    Format("CTM", rttm.is_ctm, rttm.read_ctm),
    Format("Zoom chat", zoom_chat.is_zoom_chat, zoom_chat.read_zoom_chat),
    Format("Name: text", dialogue_text.is_dialogue, dialogue_text.read_dialogue),
)


def read_transcript(path: Path, note: Note) -> list[Cue]:
    r"""Return what was said in one conversation, in its order.

    Parameters
    ----------
    path : Path
    note : callable
        Called with a sentence about each thing that is unusual but could be used.

    Raises
    ------
    InputError
        If the file cannot be read, is of no known kind or malformed, nobody says anything in it,
        or it holds several conversations.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "a.txt")
    ...     _ = path.write_text("ann: Hello!\nbob: Hi.\n")
    ...     [(cue.speaker, cue.text) for cue in read_transcript(path, lambda sentence: None)]
    [('ann', 'Hello!'), ('bob', 'Hi.')]
    """
    dialogues = read_dialogues(path, note)
    if len(dialogues) > 1:
        names = ", ".join(map(repr, list(dialogues)[:5]))
        raise InputError(
            f"{path}: holds {len(dialogues)} conversations ({names}{', ...' * (len(dialogues) > 5)}"
            "), expected one: give a file of one of them"
        )
    return next(iter(dialogues.values()))


def read_dialogues(path: Path, note: Note) -> Mapping[str, list[Cue]]:
    """Return what was said in each conversation of a file, by its name; most hold one, named "".

    Parameters
    ----------
    path : Path
    note : callable

    Raises
    ------
    InputError
        As of `read_transcript`.
    """
    source = read_source(path, note)
    if not source.text.strip():
        raise InputError(f"{path}: is empty, expected a transcript")
    kind = next((one for one in FORMATS if one.fits(source)), None)
    if kind is None:
        raise InputError(
            f"{path}: of no known kind, expected {', '.join(one.name for one in FORMATS)}: write "
            "who says what as lines 'Name: text' into a .txt file"
        )
    found = kind.read(source, note)
    if isinstance(found, dict):
        return {writable(name): list(map(_clean, cues)) for name, cues in found.items()}
    return {"": rttm.with_speakers(path, list(map(_clean, found)), note)}


def _clean(cue: Cue) -> Cue:
    """Return a cue that can be written to a file: JSON admits half a surrogate pair.

    One speaker is one, whether "ë" is written as a letter or as "e" with an accent.
    """
    speaker = composed(writable(cue.speaker))
    return Cue(speaker, writable(cue.text), cue.start, cue.end, writable(cue.when))
