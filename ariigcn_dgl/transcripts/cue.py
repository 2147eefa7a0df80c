"""What one speaker says at a time, as all readers of transcripts give it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cue:
    """What one speaker says at a time.

    Parameters
    ----------
    speaker, text : str
        On one line each, without spaces around them, not empty.
    start, end : float or None
        Seconds from the beginning of the recording; both are known or neither. An infinite end is
        that of the recording.
    when : str
        Date and time as the file writes it; empty where it does not.
    """

    speaker: str
    text: str
    start: float | None = None
    end: float | None = None
    when: str = ""
