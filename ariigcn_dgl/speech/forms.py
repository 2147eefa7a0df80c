"""Write what was said: SubRip, WebVTT, a table, or JSON as recognisers write it."""

from __future__ import annotations

import csv
import html
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.transcripts.cue import Cue
from ariigcn_dgl.transcripts.write import as_srt, srt_time


def as_vtt(cues: Sequence[Cue]) -> str:
    """Return WebVTT, with speakers as ``<v NAME>``; all cues have times."""
    blocks = (
        f"{_vtt_time(one.start)} --> {_vtt_time(one.end)}\n"
        f"<v {html.escape(one.speaker, quote=False)}>{html.escape(one.text, quote=False)}\n"
        for one in cues
    )
    return "\n".join(["WEBVTT\n", *blocks])


def as_csv(cues: Sequence[Cue]) -> str:
    """Return a table of start, end, speaker and text."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["start", "end", "speaker", "text"])
    table.writerows([one.start, one.end, one.speaker, one.text] for one in cues)
    return text.getvalue()


def as_json(cues: Sequence[Cue]) -> str:
    """Return JSON, a list of ``segments``."""
    segments = [
        {"start": one.start, "end": one.end, "speaker": one.speaker, "text": one.text}
        for one in cues
    ]
    return json.dumps({"segments": segments}, indent=1, ensure_ascii=False) + "\n"


FORMS: Mapping[str, Callable[[Sequence[Cue]], str]] = {
    ".srt": as_srt,
    ".vtt": as_vtt,
    ".csv": as_csv,
    ".json": as_json,
}


def form_of(path: Path) -> Callable[[Sequence[Cue]], str]:
    """Return what writes cues in the form that a path ends in.

    Raises
    ------
    InputError
        If it is none of `FORMS`.

    Examples
    --------
    >>> form_of(Path("talk.SRT")).__name__
    'as_srt'
    """
    form = FORMS.get(path.suffix.lower())
    if form is None:
        *first, last = FORMS
        raise InputError(f"--out {path}: expected a name that ends in {', '.join(first)} or {last}")
    return form


def _vtt_time(seconds: float | None) -> str:
    return srt_time(seconds or 0.0).replace(",", ".")
