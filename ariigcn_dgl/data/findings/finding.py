"""One thing to say about a data set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ariigcn_dgl.data.dialogues import Dialogues

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """One thing to say about a data set.

    Parameters
    ----------
    severity : {"error", "warning", "note"}
        error: not usable as it is; warning: results would mislead or suffer; note: good to know.
    where : str
        Field, split or dialogue.
    what : str
        What was found, with numbers.
    advice : str
        What to do about it.
    """

    severity: Severity
    where: str
    what: str
    advice: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; {self.advice}"


def place(dialogues: Dialogues, row: int) -> str:
    """Return where an utterance is, in words."""
    return f"utterance {dialogues.utterance_ids[row]!r} of dialogue {dialogues.dialogue_of(row)!r}"
