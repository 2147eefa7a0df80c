"""What utterances lose where their recording is damaged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.media import Lost
from ariigcn_dgl.extract.media.damage import spans_in_words
from ariigcn_dgl.extract.spoken import Spoken
from ariigcn_dgl.notes import Note

Value = TypeVar("Value")
SMALL = {"sound": "silent there", "pictures": "the last one before stands there"}


def without_damaged(
    recording: Path,
    kind: str,
    utterances: Sequence[Spoken],
    found: Sequence[Value | None],
    lost: Lost,
    skip_damaged: bool,
    note: Note,
) -> list[Value | None]:
    """Return what was found of utterances, None of those that large damage touches.

    Parameters
    ----------
    recording : Path
    kind : str
        "sound" or "pictures".
    utterances : sequence of Spoken
    found : sequence
        What was found of each.
    lost : Lost
        What could not be decoded.
    skip_damaged : bool
        Whether utterances may lose something.
    note : callable

    Raises
    ------
    InputError
        If they may not, and one does.
    """
    touched = [lost.concerns(*one.times) for one in utterances]
    where = spans_in_words(lost.large)
    if any(touched) and not skip_damaged:
        first = utterances[touched.index(True)].name
        raise InputError(
            f"{recording}: the {kind} cannot be decoded at {where} ({lost.why}), where "
            f"{sum(touched)} of {len(touched)} utterances are, '{first}' first: mend the file, or "
            "let them go without by --skip_damaged"
        )
    if lost.small:
        note(
            f"{recording}: the {kind} cannot be decoded at {spans_in_words(lost.small)} "
            f"({lost.why}); {SMALL[kind]}"
        )
    if lost.large:
        note(
            f"{recording}: the {kind} cannot be decoded at {where} ({lost.why}); missing of "
            f"{sum(touched)} of {len(touched)} utterances"
        )
    return [None if bad else one for one, bad in zip(found, touched, strict=True)]
