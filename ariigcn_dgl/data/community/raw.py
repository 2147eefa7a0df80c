"""What every reader returns: fields by dialogue, before they become one set of `Dialogues`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ariigcn_dgl.data.community.published import Published
from ariigcn_dgl.data.ragged import Ragged
from ariigcn_dgl.errors import InputError

_NUMBER = re.compile("[1-9][0-9]?")  # of a view; files have four


@dataclass(frozen=True)
class ImportOptions:
    """How to read a file that leaves a choice.

    Parameters
    ----------
    labels : {"emotion", "sentiment", "score"}
        Which labels, where a file has both or one follows from the other; "score": intensities of
        sentiment as the numbers that they are.
    text_views : str
        Which views of the text to keep, where a file has several, e.g. four RoBERTa layers: "all",
        side by side; "first"; "mean", their mean as one; or numbers from 1, as "1,3".
    val_fraction : float
        Share of the training dialogues to move to validation where the file has no such list; 0:
        none.
    seed : int
        Seed of that choice, and of all splits where the files have none.
    nonfinite_missing : bool
        Mark a row with NaN or inf as missing instead of refusing the file.
    text, audio, visual : str, optional
        Of a MERBench or GCNet folder: the folder of features that is this modality; of .csd files
        and bc-LSTM's the name of the file, without its ending.

    Raises
    ------
    InputError
        If `text_views` is nothing of that.
    """

    labels: str = "emotion"
    text_views: str = "all"
    val_fraction: float = 0.0
    seed: int = 0
    nonfinite_missing: bool = False
    text: str | None = None
    audio: str | None = None
    visual: str | None = None

    def __post_init__(self) -> None:
        numbers = self.text_views.split(",")
        named = self.text_views in ("all", "first", "mean")
        if not named and not (
            all(map(_NUMBER.fullmatch, numbers)) and len(set(numbers)) == len(numbers)
        ):
            raise InputError(
                f"--text_views: is {self.text_views!r}, expected all, first, mean, or different "
                "numbers of views, as 1,3"
            )


@dataclass
class RawDialogue:
    """The fields of a dialogue of T utterances.

    Parameters
    ----------
    features : dict of str to (T, D_m) float32 array
        Of each modality that the file has.
    labels : (T,) float64 array
        Class numbers, or intensities of sentiment; NaN where unknown.
    speakers : list of str, optional
        What the file says of who speaks: 'M', 'F', the place of a one in a one-hot vector, a name.
    utterance_ids : list of str, optional
        Where the file names them.
    views : dict of str to tuple of int
        Of a modality that has several views side by side: the width of each.
    words : list of str, optional
        What was said, where the file has it.
    sequences : dict of str to Ragged
        Of a modality that is a sequence of rows per utterance: the rows, whose means are its
        features.
    """

    features: dict[str, np.ndarray]
    labels: np.ndarray
    speakers: list[str] | None = None
    utterance_ids: list[str] | None = None
    views: dict[str, tuple[int, ...]] = field(default_factory=dict)
    words: list[str] | None = None
    sequences: dict[str, Ragged] = field(default_factory=dict)

    def view_widths(self, modality: str) -> tuple[int, ...]:
        """Return the width of each view of a modality; () if the dialogue lacks it."""
        rows = self.features.get(modality)
        return self.views.get(modality, () if rows is None else (rows.shape[1],))


@dataclass
class RawSet:
    """The content of a file of a known layout.

    Parameters
    ----------
    path : Path
        The file or folder.
    layout : str
        Its layout, in words.
    dialogues : dict of str to RawDialogue
        By the id that the file uses.
    listed : dict of str to list of str
        Ids of the dialogues of each split (`SPLITS`), as the file lists them.
    label_names : tuple of str, optional
        Where the layout itself says them.
    dataset : Published, optional
        Where the layout itself says it.
    sentiment : bool
        Whether the labels are sentiments.
    official_val : bool
        Whether the validation list, if there is one, is that of the data set's authors.
    named : bool
        Whether speakers are names of persons, the same in all dialogues.
    divided : str
        How the splits came to be, where the file has none (`Dialogues.divided`).
    incomplete : set of str
        Ids of dialogues that the reader left out, with a note, for a field that they lack.
    notes : list of str
        What a user should know: traps of the layout, choices that were made.
    """

    path: Path
    layout: str
    dialogues: dict[str, RawDialogue]
    listed: dict[str, list[str]]
    label_names: tuple[str, ...] | None = None
    sentiment: bool = False
    official_val: bool = True
    named: bool = False
    dataset: Published | None = None
    divided: str = ""
    incomplete: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
