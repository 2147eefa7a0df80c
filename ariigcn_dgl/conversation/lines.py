"""Emotions of a conversation in one call from Python."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ariigcn_dgl.bundle.opened import opened
from ariigcn_dgl.conversation.label import Asked, encoders_for, label
from ariigcn_dgl.conversation.labelled import as_records
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.spoken import Spoken
from ariigcn_dgl.extract.spoken_transcript import conversations_of, of_cues
from ariigcn_dgl.notes import unsaid
from ariigcn_dgl.training.seeds import seed_folders
from ariigcn_dgl.training.trained import TrainedRun
from ariigcn_dgl.transcripts.cue import Cue


def label_lines(
    lines: str | Path | Sequence[tuple[str, str]],
    run: str | Path = "friends-text",
    *,
    coverage: float | None = None,
    device: str = "cpu",
) -> list[dict[str, Any]]:
    """Return the emotions of what people wrote or said, a record for each utterance.

    What is unusual about the text is told by warnings.

    Parameters
    ----------
    lines : str, Path or sequence of (str, str)
        A transcript's file, of any kind that ``ariigcn predict --transcript`` reads; or who said
        what, in order: pairs of speaker and words.
    run : str or Path
        A bundle (its file, its name, or ``hub:OWNER/NAME``) or a run folder whose features
        ``ariigcn extract`` made.
    coverage : float, optional
        Share of validation to answer, above 0 and up to 1: what the run is less sure of gets the
        prediction None.
    device : str
        Where to compute: cpu, cuda, cuda:1 ...

    Returns
    -------
    list of dict
        With speaker, text, prediction and probabilities by class, as in ``timeline.json``; where a
        file holds several conversations, with the name of its own as dialogue.

    Raises
    ------
    InputError
        If the transcript, the run or an encoder cannot be read, or an utterance has no words.

    Examples
    --------
    >>> first, second = label_lines([("Ann", "I got the tickets!"), ("Bob", "That's amazing!")])
    >>> second["speaker"], second["prediction"]
    ('Bob', 'joy')
    """
    source = "the lines" if not isinstance(lines, (str, Path)) else str(lines)
    found = _spoken(lines)
    records = list[dict[str, Any]]()
    with opened(str(run)) as folder:
        runs = [TrainedRun(one, device) for one in seed_folders(folder)]
        asked = Asked(coverage=coverage)
        encoders = encoders_for(runs, False, asked, unsaid)
        for name, spoken in found.items():
            where = f"{source}: {name}" if name else source
            own = as_records(label(runs, where, spoken, encoders, asked, _warn).labelled)
            records += [{"dialogue": name} | one for one in own] if len(found) > 1 else own
    return records


def _spoken(lines: str | Path | Sequence[tuple[str, str]]) -> dict[str, list[Spoken]]:
    if isinstance(lines, (str, Path)):
        return conversations_of(Path(lines), _warn)
    if not lines:
        raise InputError("there is no line: expected pairs of speaker and words")
    cues = [Cue(speaker, " ".join(words.split())) for speaker, words in lines]
    return {"": of_cues(None, "lines", cues)}


def _warn(sentence: str) -> None:
    warnings.warn(sentence, stacklevel=4)
