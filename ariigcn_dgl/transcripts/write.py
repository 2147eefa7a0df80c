"""Write cues as subtitles that people can edit."""

from __future__ import annotations

import html
from collections.abc import Sequence

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.transcripts.cue import Cue
from ariigcn_dgl.transcripts.speakers import Part, parts_of


def as_srt(cues: Sequence[Cue]) -> str:
    r"""Return SubRip subtitles, ``NAME: text``, that `read_transcript` reads back equal.

    Times are rounded to milliseconds. A name that the reader would not take for one, as ``ann``,
    is written ``<v ann>text``, and only what it would take for markup is escaped. Names are read
    back in Unicode's form NFC, and marks of direction, which nobody sees, are not read.

    Parameters
    ----------
    cues : sequence of Cue
        In order of their start, with times.

    Raises
    ------
    InputError
        If a cue has no times.

    Examples
    --------
    >>> print(as_srt([Cue("Ann", "Hello!", 1.0, 2.5)]))
    1
    00:00:01,000 --> 00:00:02,500
    Ann: Hello!
    <BLANKLINE>
    """
    return "\n".join(_block(number, cue) for number, cue in enumerate(cues, 1))


def _block(number: int, cue: Cue) -> str:
    if cue.start is None or cue.end is None or cue.end == float("inf"):
        raise InputError(f"cue {number} ({cue.text[:40]!r}) has no times, which subtitles need")
    return srt_block(number, cue.start, cue.end, _line(cue))


def _line(cue: Cue) -> str:
    """Return the plainest line that is read as this cue."""
    expected = [Part(cue.speaker, cue.text)]
    plain = f"{cue.speaker}: {cue.text}"
    escaped = f"{cue.speaker}: {_escaped(cue.text)}"
    # Players take a line with an arrow for one of times.
    readable = (line for line in (plain, escaped) if "-->" not in line)
    voice = f"<v {_escaped(cue.speaker)}>{_escaped(cue.text)}"
    return next((line for line in readable if parts_of([line]) == expected), voice)


def _escaped(text: str) -> str:
    # {\i1} is markup of SubRip, too.
    return html.escape(text, quote=False).replace("{\\", "&#123;\\")


def srt_block(number: int, start: float, end: float, line: str) -> str:
    r"""Return one subtitle of SubRip.

    >>> srt_block(1, 0, 1.5, "Hi")
    '1\n00:00:00,000 --> 00:00:01,500\nHi\n'
    """
    return f"{number}\n{srt_time(start)} --> {srt_time(end)}\n{line}\n"


def srt_time(seconds: float) -> str:
    """Return seconds as SubRip writes them.

    >>> srt_time(3723.5)
    '01:02:03,500'
    """
    rest, milliseconds = divmod(round(1000 * seconds), 1000)
    minutes, seconds = divmod(rest, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02},{milliseconds:03}"
